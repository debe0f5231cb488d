#include "streams/app/producer_collector.h"

#include "base/bytes.h"
#include "streams/app/failures.h"

namespace millrace::streams {
namespace {

std::optional<ByteView> bytes_of(NullableView view) {
    return view ? std::optional(as_bytes(*view)) : std::nullopt;
}

void set_headers(std::vector<client::RecordHeader>& out, const Headers& headers) {
    out.clear();
    for (const Header& header : headers)
        out.push_back({header.key, bytes_of(view_of(header.value))});
}

}  // namespace

ProducerCollector::ProducerCollector(runtime::Context context, client::ProducerConfig config)
    : context_(context),
      config_(std::move(config)),
      producer_(std::make_unique<client::Producer>(context_, config_)) {}

runtime::Task<Result<void>> ProducerCollector::begin() {
    if (transactional() && !ready_) {
        CO_TRY_OK(co_await producer_->init_transactions());
        ready_ = true;
    }
    co_return Result<void>{};
}

void ProducerCollector::open_transaction() {
    if (!transactional() || std::exchange(in_transaction_, true)) return;
    if (const Result<void> begun = producer_->begin_transaction(); !begun && !failure_)
        failure_ = begun.error();
}

void ProducerCollector::failed(const Error& error, std::string_view topic) {
    if (!recoverable(error.code))
        throw StreamsException(fmt::format("sending to {} failed: {}", topic, error.describe()));
    if (!failure_) failure_ = error;
}

void ProducerCollector::send(std::string_view topic, std::optional<PartitionIndex> partition,
                             NullableView key, NullableView value,
                             std::optional<TimestampMs> timestamp, const Headers& headers) {
    open_transaction();
    if (waiting_.empty()) {
        set_headers(headers_, headers);
        Result<client::Delivery> sent = producer_->try_send({.topic = topic,
                                                             .key = bytes_of(key),
                                                             .value = bytes_of(value),
                                                             .headers = headers_,
                                                             .partition = partition.value_or(-1),
                                                             .timestamp = timestamp.value_or(-1)});
        if (sent) return remember(topic, partition, *std::move(sent));
        if (sent.code() != ErrorCode::would_block) return failed(sent.error(), topic);
    }
    const auto owned = [](NullableView view) {
        return view ? NullableBytes(Bytes(*view)) : std::nullopt;
    };
    waiting_.push_back(
        {std::string(topic), partition, owned(key), owned(value), timestamp.value_or(-1), headers});
}

void ProducerCollector::remember(std::string_view topic, std::optional<PartitionIndex> partition,
                                 client::Delivery delivery) {
    if (!partition) return;
    const auto found = last_.find(topic);
    Partitions& partitions = found != last_.end() ? found->second : last_[std::string(topic)];
    partitions.insert_or_assign(*partition, std::move(delivery));
}

int32_t ProducerCollector::partitions(std::string_view topic) {
    // Newer, where the producer has it.
    if (const client::TopicPtr met = producer_->cluster().metadata().topic(topic))
        return static_cast<int32_t>(met->partitions.size());
    const auto known = known_.find(topic);
    if (known == known_.end())
        throw StreamsException(fmt::format(
            "the partitioner needs to know how many partitions {} has, and it is not known",
            topic));
    return known->second;
}

void ProducerCollector::know(const std::map<std::string, int32_t>& partitions) {
    known_ = {partitions.begin(), partitions.end()};
}

runtime::Task<Result<void>> ProducerCollector::drain() {
    std::vector<client::RecordHeader> headers;
    while (!waiting_.empty()) {
        const Waiting& next = waiting_.front();
        set_headers(headers, next.headers);
        client::Record record{.topic = next.topic,
                              .key = bytes_of(view_of(next.key)),
                              .value = bytes_of(view_of(next.value)),
                              .headers = headers,
                              .partition = next.partition.value_or(-1),
                              .timestamp = next.timestamp};
        CO_TRY(client::Delivery delivery, co_await producer_->send(record));
        remember(next.topic, next.partition, std::move(delivery));
        waiting_.pop_front();
    }
    co_return Result<void>{};
}

std::optional<Error> ProducerCollector::take_failure() {
    if (!failure_) failure_ = producer_->take_failure();
    return std::exchange(failure_, std::nullopt);
}

runtime::Task<Result<void>> ProducerCollector::flush() {
    CO_TRY_OK(co_await drain());
    co_await producer_->flush();
    if (std::optional<Error> failure = take_failure()) co_return *std::move(failure);
    co_return Result<void>{};
}

runtime::Task<Result<void>> ProducerCollector::commit(client::CommittedOffsets offsets,
                                                      client::GroupMetadata group) {
    open_transaction();
    CO_TRY_OK(co_await drain());
    if (std::optional<Error> failure = take_failure()) co_return *std::move(failure);
    if (!offsets.empty())
        CO_TRY_OK(co_await producer_->send_offsets(std::move(offsets), std::move(group)));
    CO_TRY_OK(co_await producer_->commit_transaction());
    in_transaction_ = false;
    co_return Result<void>{};
}

runtime::Task<void> ProducerCollector::forget() {
    waiting_.clear();
    last_.clear();
    if (!transactional())
        co_await producer_->flush();  // an old value must not follow the new ones
    else if (std::exchange(in_transaction_, false) && !co_await producer_->abort_transaction())
        ready_ = false;
    failure_.reset();
}

runtime::Task<Result<void>> ProducerCollector::start_over() {
    co_await forget();
    // One that came to its end is replaced; of the same name, it ends what that left open.
    if (!ready_) producer_ = std::make_unique<client::Producer>(context_, config_);
    co_return co_await begin();
}

std::map<TopicPartition, Offset> ProducerCollector::take_ends() {
    std::map<TopicPartition, Offset> ends;
    for (const auto& [topic, partitions] : last_) {
        for (const auto& [partition, delivery] : partitions) {
            if (!delivery.done()) continue;
            const Result<client::RecordPlace> place = delivery.result();
            if (place && place->offset >= 0) ends[{topic, partition}] = place->offset + 1;
        }
    }
    last_.clear();
    return ends;
}

}  // namespace millrace::streams
