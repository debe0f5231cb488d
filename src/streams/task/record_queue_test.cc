#include "streams/task/record_queue.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::streams;

namespace {

// Records with these times, whose keys are in memory that dies with the source.
class Records final : public RecordSource {
public:
    Records(Offset first, std::vector<TimestampMs> times) : next_(first), times_(std::move(times)) {
        for (TimestampMs time : times_)
            keys_.push_back(fmt::format("a key that is long: {}", time));
    }
    std::optional<InputRecord> next() override {
        if (at_ == times_.size()) return std::nullopt;
        const size_t i = at_++;
        return InputRecord{.offset = next_++, .timestamp = times_[i], .key = keys_[i]};
    }
    size_t left() const override { return times_.size() - at_; }

private:
    Offset next_;
    std::vector<TimestampMs> times_;
    std::vector<std::string> keys_;
    size_t at_ = 0;
};

std::optional<ReadyRecord> keep_even(InputRecord record, TimestampMs) {
    if (record.timestamp % 2 != 0) return std::nullopt;
    ReadyRecord ready;
    ready.timestamp = record.timestamp;
    ready.raw = std::move(record);
    return ready;
}

RecordSourcePtr records(Offset first, std::vector<TimestampMs> times) {
    return std::make_unique<Records>(first, std::move(times));
}

}  // namespace

TEST_CASE("of several partitions the one with the oldest next record goes first") {
    PartitionGroup group;
    RecordQueue& a =
        group.add_queue(std::make_unique<RecordQueue>(TopicPartition{"a", 0}, 0, &keep_even));
    RecordQueue& b =
        group.add_queue(std::make_unique<RecordQueue>(TopicPartition{"b", 0}, 1, &keep_even));
    group.add(a, records(0, {4, 20, 6}));
    group.add(b, records(0, {10, 2, 30}));
    std::vector<TimestampMs> taken;
    while (!group.empty()) taken.push_back(group.take().second.timestamp);
    CHECK(taken == std::vector<TimestampMs>{4, 10, 2, 20, 6, 30});
    CHECK(a.partition_time() == 20);
    CHECK(b.consumed() == 2);
}

TEST_CASE(
    "a record's memory lives until the next one is taken, whatever is passed over behind it") {
    PartitionGroup group;
    RecordQueue& queue =
        group.add_queue(std::make_unique<RecordQueue>(TopicPartition{"a", 0}, 0, &keep_even));
    group.add(queue, records(0, {2}));
    group.add(queue, records(1, {3, 5}));
    group.add(queue, records(3, {7}));
    group.add(queue, records(4, {8}));
    CHECK(queue.size() == 5);
    const ReadyRecord first = group.take().second;
    CHECK(*first.raw.key == "a key that is long: 2");
    const ReadyRecord second = group.take().second;
    CHECK(*second.raw.key == "a key that is long: 8");
    CHECK(second.raw.offset == 4);
    CHECK(group.empty());
}
