#include "streams/test_driver.h"

#include <algorithm>

#include "streams/state/store_cache.h"
#include "streams/task/task.h"

namespace millrace::streams {
namespace {

TaskParts parts_of(const TopologyPlan& plan, bool global, const StreamsConfig& config,
                   RecordCollector& collector, const TimestampMs& wall_clock) {
    std::vector<size_t> nodes;
    for (size_t i = 0; i < plan.nodes().size(); ++i)
        if (plan.nodes()[i].global == global) nodes.push_back(i);
    return {.plan = plan,
            .nodes = std::move(nodes),
            .id = {0, 0},
            .config = config,
            .collector = collector,
            .wall_ms = [&wall_clock] { return wall_clock; },
            .bytes = [](const StoreSpec&, const TaskId&) { return make_memory_bytes(); }};
}

// One record, which lives as long as this.
class SingleRecord final : public RecordSource {
public:
    SingleRecord(const TestRecord& record, Offset offset, TimestampMs timestamp)
        : record_(record), offset_(offset), timestamp_(timestamp) {}
    std::optional<InputRecord> next() override {
        if (std::exchange(given_, true)) return std::nullopt;
        return InputRecord{.offset = offset_,
                           .timestamp = timestamp_,
                           .key = view_of(record_.key),
                           .value = view_of(record_.value),
                           .headers = record_.headers};
    }
    size_t left() const override { return given_ ? 0 : 1; }

private:
    TestRecord record_;
    Offset offset_;
    TimestampMs timestamp_;
    bool given_ = false;
};

// Unless they set it, settings for a test look for unmatched and closed windows at every record, as
// Kafka's driver does.
StreamsConfig unthrottled(StreamsConfig config) {
    if (!config.emit_interval_outer_join_ms) config.emit_interval_outer_join_ms = 0;
    if (!config.emit_interval_windowed_aggregation_ms)
        config.emit_interval_windowed_aggregation_ms = 0;
    return config;
}

}  // namespace

struct TopologyTestDriver::Impl final : RecordCollector {
    Impl(const Topology& topology, StreamsConfig given, TimestampMs wall)
        : config(unthrottled(std::move(given))),
          plan(topology.plan()),
          wall_clock(wall),
          cache(static_cast<size_t>(std::max<int64_t>(config.statestore_cache_max_bytes, 0))),
          global(parts_of(*plan, true, config, *this, wall_clock)),
          task(task_parts()) {
        global.open_stores();
        global.start();
        for (const auto& [name, store] : global.stores()) global_stores[name] = store.get();
        task.open_stores();
        task.start();
        commit();
    }

    TaskParts task_parts() {
        TaskParts parts = parts_of(*plan, false, config, *this, wall_clock);
        parts.global_stores = &global_stores;
        if (config.statestore_cache_max_bytes > 0) parts.cache = &cache;
        return parts;
    }

    void send(std::string_view topic, std::optional<PartitionIndex>, NullableView key,
              NullableView value, std::optional<TimestampMs> timestamp,
              const Headers& headers) override {
        sent.push_back({std::string(topic),
                        {key ? NullableBytes(Bytes(*key)) : std::nullopt,
                         value ? NullableBytes(Bytes(*value)) : std::nullopt, timestamp, headers}});
    }
    int32_t partitions(std::string_view) override { return 1; }

    // To the task or the global one; false if nobody reads the topic.
    bool enqueue(const std::string& topic, const TestRecord& record) {
        if (global.reads(topic)) {
            global.add({topic, 0}, single(topic, record));
            while (global.process()) {
            }
            global.flush();
            return true;
        }
        if (!task.reads(topic)) return false;
        task.add({topic, 0}, single(topic, record));
        return true;
    }
    RecordSourcePtr single(const std::string& topic, const TestRecord& record) {
        return std::make_unique<SingleRecord>(record, next_offset[topic]++,
                                              record.timestamp.value_or(wall_clock));
    }

    // What was sent becomes output, and what the topology reads itself comes back.
    void capture() {
        std::deque<std::pair<std::string, TestRecord>> batch;
        batch.swap(sent);
        for (auto& [topic, record] : batch) {
            outputs[topic].push_back(record);
            enqueue(topic, record);
        }
    }

    void commit() {
        task.flush();
        task.take_commit_request();
        capture();
    }

    void work_off() {
        while (task.has_records()) {
            task.process();
            task.punctuate_stream_time();
            commit();
        }
    }

    StreamsConfig config;
    std::shared_ptr<TopologyPlan> plan;
    TimestampMs wall_clock;
    std::map<std::string, StateStore*> global_stores;
    std::deque<std::pair<std::string, TestRecord>> sent;
    std::map<std::string, std::deque<TestRecord>, std::less<>> outputs;
    std::map<std::string, Offset> next_offset;
    StoreCache cache;  // of the task's stores; none if it holds nothing
    Task global;
    Task task;
};

TopologyTestDriver::TopologyTestDriver(const Topology& topology, StreamsConfig config,
                                       TimestampMs wall_clock)
    : impl_(std::make_unique<Impl>(topology, std::move(config), wall_clock)) {}

TopologyTestDriver::~TopologyTestDriver() = default;

void TopologyTestDriver::pipe_input(std::string_view topic, TestRecord record) {
    if (!impl_->enqueue(std::string(topic), record))
        throw IllegalArgumentException(fmt::format("the topology reads no topic {}", topic));
    impl_->capture();
    impl_->work_off();
}

std::optional<TestRecord> TopologyTestDriver::read_output(std::string_view topic) {
    const auto found = impl_->outputs.find(topic);
    if (found == impl_->outputs.end() || found->second.empty()) return std::nullopt;
    TestRecord record = std::move(found->second.front());
    found->second.pop_front();
    return record;
}

size_t TopologyTestDriver::queue_size(std::string_view topic) const {
    const auto found = impl_->outputs.find(topic);
    return found == impl_->outputs.end() ? 0 : found->second.size();
}

std::vector<std::string> TopologyTestDriver::produced_topic_names() const {
    std::vector<std::string> names;
    for (const auto& [topic, records] : impl_->outputs) names.push_back(topic);
    return names;
}

void TopologyTestDriver::advance_wall_clock_time(std::chrono::milliseconds by) {
    impl_->wall_clock += by.count();
    impl_->task.punctuate_wall_clock();
    impl_->commit();
    impl_->work_off();
}

std::map<std::string, StateStore*> TopologyTestDriver::all_state_stores() {
    std::map<std::string, StateStore*> all = impl_->global_stores;
    for (const auto& [name, store] : impl_->task.stores()) all[name] = store.get();
    return all;
}

StateStore& TopologyTestDriver::state_store(const std::string& name) {
    const auto all = all_state_stores();
    const auto found = all.find(name);
    if (found == all.end())
        throw InvalidStateStoreException(fmt::format("there is no state store {}", name));
    return *found->second;
}

int64_t TopologyTestDriver::dropped_records() const {
    return impl_->task.dropped_records() + impl_->global.dropped_records();
}

void TopologyTestDriver::close() {
    impl_->task.close();
    impl_->global.close();
}

}  // namespace millrace::streams
