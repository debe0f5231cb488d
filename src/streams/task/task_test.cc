#include "streams/task/task.h"

#include <doctest/doctest.h>

#include "streams/streams_builder.h"

using namespace millrace;
using namespace millrace::streams;
using namespace std::chrono_literals;

namespace {

using Text = std::string;

class Nowhere final : public RecordCollector {
public:
    void send(std::string_view, std::optional<PartitionIndex>, NullableView, NullableView,
              std::optional<TimestampMs>, const Headers&) override {}
    int32_t partitions(std::string_view) override { return 1; }
};

class OneRecord final : public RecordSource {
public:
    OneRecord(Offset offset, TimestampMs time) : offset_(offset), time_(time) {}
    std::optional<InputRecord> next() override {
        if (std::exchange(given_, true)) return std::nullopt;
        return InputRecord{
            .offset = offset_, .timestamp = time_, .key = "k", .value = "v", .headers = {}};
    }
    size_t left() const override { return given_ ? 0 : 1; }

private:
    Offset offset_;
    TimestampMs time_;
    bool given_ = false;
};

// The only task of an application that counts what "in" has, and tells of closed windows.
class Counting {
public:
    template <typename Windows>
    explicit Counting(const Windows& windows) {
        config_.application_id = "app";
        config_.emit_interval_windowed_aggregation_ms = 0;
        StreamsBuilder builder;
        builder.stream<Text, Text>("in")
            .group_by_key()
            .windowed_by(windows)
            .emit_strategy(EmitStrategy::on_window_close)
            .count({}, Materialized<Text, int64_t>::as("counts").with_retention(100s));
        topology_ = builder.build();
        TaskParts parts{
            .plan = *topology_.plan(),
            .id = {0, 0},
            .config = config_,
            .collector = nowhere_,
            .wall_ms = [] { return 0; },
            .bytes = [](const StoreSpec&, const TaskId&) { return make_memory_bytes(); }};
        for (size_t i = 0; i < topology_.plan()->nodes().size(); ++i) parts.nodes.push_back(i);
        task_.emplace(std::move(parts));
        task_->open_stores();
        task_->start();
    }

    // What would be committed beside the offset after a record of this time.
    CommitMetadata operator()(TimestampMs time) {
        task_->add({"in", 0}, std::make_unique<OneRecord>(offset_++, time));
        CHECK(task_->process());
        return task_->commit_metadata(*task_->inputs().queues().front());
    }

private:
    StreamsConfig config_;
    Topology topology_;
    Nowhere nowhere_;
    std::optional<Task> task_;
    Offset offset_ = 0;
};

}  // namespace

TEST_CASE("beside an offset stands until when closed windows were told, as far as any has closed") {
    SUBCASE("windows of a fixed size") {
        Counting counting(TimeWindows::of_size_and_grace(100ms, 10ms).advance_by(50ms));
        CHECK(counting(60) == CommitMetadata{60, {}});
        CHECK(counting(115) == CommitMetadata{115, {{"counts", 105}}});
        // 50 to 150 is still open.
        CHECK(counting(159) == CommitMetadata{159, {{"counts", 105}}});
        CHECK(counting(100) == CommitMetadata{159, {{"counts", 105}}});
        CHECK(counting(165) == CommitMetadata{165, {{"counts", 155}}});
    }
    SUBCASE("windows around records") {
        Counting counting(SlidingWindows::of_time_difference_with_no_grace(100ms));
        CHECK(counting(100) == CommitMetadata{100, {}});
        CHECK(counting(101) == CommitMetadata{101, {{"counts", 101}}});
        CHECK(counting(102) == CommitMetadata{102, {{"counts", 102}}});
    }
    SUBCASE("sessions") {
        Counting counting(SessionWindows::of_inactivity_gap_and_grace(20ms, 10ms));
        CHECK(counting(30) == CommitMetadata{30, {}});
        CHECK(counting(31) == CommitMetadata{31, {{"counts", 1}}});
    }
}
