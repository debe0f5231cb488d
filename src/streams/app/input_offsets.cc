#include "streams/app/input_offsets.h"

namespace millrace::streams {
namespace {

AutoOffsetReset reset_of(const client::OffsetReset& reset) {
    using Kind = client::OffsetReset::Kind;
    using Strategy = AutoOffsetReset::Strategy;
    switch (reset.kind) {
        case Kind::latest:
            return {Strategy::latest};
        case Kind::earliest:
            return {Strategy::earliest};
        case Kind::none:
            return {Strategy::none};
        case Kind::by_duration:
            return {Strategy::by_duration, reset.duration.count()};
    }
    return {};
}

}  // namespace

void InputOffsets::look_after() {
    if (under_way_ || failure_) return;
    std::vector<TopicPartition> inputs;
    for (const auto& [id, task] : tasks_)
        if (task->waiting()) inputs.insert(inputs.end(), task->inputs.begin(), task->inputs.end());
    if (inputs.empty()) return;
    under_way_ = true;
    asking_.spawn(ask(std::move(inputs), round_));
}

runtime::Task<void> InputOffsets::ask(std::vector<TopicPartition> inputs, uint64_t round) {
    const auto offsets = co_await consumer_.committed(std::move(inputs));
    Result<void> placed = offsets ? Result<void>{} : offsets.error();
    if (offsets && round == round_) placed = co_await place(*offsets, round);
    under_way_ = false;
    if (!placed && round == round_) failure_ = placed.error();
    consumer_.wake();
}

runtime::Task<Result<void>> InputOffsets::place(const client::CommittedOffsets& offsets,
                                                uint64_t round) {
    for (auto& [id, task] : tasks_) {
        if (!task->waiting()) continue;
        for (const TopicPartition& input : task->inputs) {
            const auto offset = offsets.find(input);
            if (offset == offsets.end()) {
                last_.erase(input);
                CO_TRY_OK(co_await place_by_policy(task->task(), input));
                if (round != round_) co_return Result<void>{};
                continue;
            }
            CO_TRY_OK(consumer_.seek(input, offset->second.offset, offset->second.epoch));
            last_[input] = offset->second.offset - 1;
            task->task().set_committed(input, decode_commit_metadata(offset->second.metadata));
        }
        task->begin_restoring();
    }
    co_return Result<void>{};
}

// Of the source, or else of the consumer.
runtime::Task<Result<void>> InputOffsets::place_by_policy(Task& task, TopicPartition input) {
    using Strategy = AutoOffsetReset::Strategy;
    const AutoOffsetReset reset =
        task.offset_reset(input).value_or(reset_of(consumer_.config().offset_reset));
    const std::span<const TopicPartition> one{&input, 1};
    switch (reset.strategy) {
        case Strategy::earliest:
            co_return consumer_.seek_to_beginning(one);
        case Strategy::latest:
            co_return consumer_.seek_to_end(one);
        case Strategy::none:
            co_return fail(
                ErrorCode::offset_out_of_range,
                fmt::format("{}-{} has no committed offset, and auto.offset.reset is none",
                            input.topic, input.partition));
        case Strategy::by_duration:
            break;
    }
    const TimestampMs time = consumer_.cluster().loop().wall_ms() - reset.duration_ms;
    CO_TRY(const auto found, co_await consumer_.offsets_for_times({{input, time}}));
    const auto offset = found.find(input);
    if (offset == found.end() || offset->second.offset < 0) co_return consumer_.seek_to_end(one);
    co_return consumer_.seek(input, offset->second.offset);
}

runtime::Task<Result<client::CommittedOffsets>> InputOffsets::processed() {
    client::CommittedOffsets offsets;
    std::vector<TopicPartition> read_to_the_end;
    for (const auto& [id, task] : tasks_) {
        for (const auto& queue : task->task().inputs().queues()) {
            const TopicPartition& input = queue->partition();
            if (queue->consumed() < 0) continue;
            const auto last = last_.find(input);
            if (last != last_.end() && last->second >= queue->consumed()) continue;
            offsets[input] = {
                .offset = queue->consumed() + 1,
                .metadata = encode_commit_metadata(task->task().commit_metadata(*queue))};
            if (queue->empty()) read_to_the_end.push_back(input);
        }
    }
    // Behind the last record there may be what is none: a transaction's end.
    for (const TopicPartition& input : read_to_the_end) {
        CO_TRY(const Offset position, co_await consumer_.position(input));
        offsets.at(input).offset = std::max(offsets.at(input).offset, position);
    }
    co_return offsets;
}

void InputOffsets::committed(const client::CommittedOffsets& offsets) {
    for (const auto& [input, committed] : offsets) last_[input] = committed.offset - 1;
}

}  // namespace millrace::streams
