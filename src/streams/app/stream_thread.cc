#include "streams/app/stream_thread.h"

#include <algorithm>

#include "base/log.h"
#include "client/topic_pattern.h"
#include "streams/app/client_configs.h"
#include "streams/app/fetched_records.h"
#include "streams/app/task_assignor.h"

namespace millrace::streams {
namespace {

using std::chrono::milliseconds;

// Records between two looks at the loop: about a millisecond's work.
constexpr int kSlice = 200;
// How long a poll waits when there is nothing to do (poll.ms).
constexpr milliseconds kPatience{100};

// A thread's share of what the application may cache.
size_t cache_bytes(const StreamsConfig& config) {
    const int64_t share =
        config.statestore_cache_max_bytes / std::max(config.num_stream_threads, 1);
    return static_cast<size_t>(std::max<int64_t>(share, 0));
}

}  // namespace

// What the group gives and takes.
class StreamThread::Listener final : public client::RebalanceListener {
public:
    explicit Listener(StreamThread& thread) : thread_(thread) {}
    runtime::Task<void> assigned(std::span<const TopicPartition> partitions) override {
        thread_.add_partitions(partitions);
        co_return;
    }
    runtime::Task<void> revoked(std::span<const TopicPartition> partitions) override {
        co_await thread_.give_up(partitions, true);
    }
    runtime::Task<void> lost(std::span<const TopicPartition> partitions) override {
        co_await thread_.give_up(partitions, false);
    }

private:
    StreamThread& thread_;
};

StreamThread::StreamThread(ThreadParts parts)
    : parts_(std::move(parts)),
      consumer_(parts_.context, member_config()),
      producer_(parts_.context, producer_config(parts_.config, parts_.name + "-producer", "")),
      collector_(producer_),
      admin_cluster_(parts_.context, admin_config(parts_.config, parts_.name + "-admin")),
      cache_(cache_bytes(parts_.config)),
      changelogs_(parts_.context,
                  restore_consumer_config(parts_.config, parts_.name + "-restore-consumer"), tasks_,
                  parts_.restore_listener) {}

StreamThread::~StreamThread() = default;

client::ConsumerConfig StreamThread::member_config() const {
    client::ConsumerConfig config = main_consumer_config(parts_.config, parts_.name + "-consumer");
    config.assignor_factory = [this] { return make_task_assignor(layout_); };
    return config;
}

void StreamThread::set_state(ThreadState state) {
    if (std::exchange(state_, state) != state && parts_.state_changed) parts_.state_changed(state);
}

void StreamThread::stop() {
    stopping_ = true;
    consumer_.wake();
}

std::vector<TaskId> StreamThread::tasks() const {
    std::vector<TaskId> ids;
    for (const auto& [id, task] : tasks_) ids.push_back(id);
    return ids;
}

StreamThread::Counts StreamThread::counts() const {
    Counts counts = counts_;
    counts.restored = changelogs_.restored();
    return counts;
}

StateStore* StreamThread::store(const TaskId& id, const std::string& name) {
    const auto task = tasks_.find(id);
    if (task == tasks_.end() || !task->second->running()) return nullptr;
    const auto& stores = task->second->task().stores();
    const auto store = stores.find(name);
    return store == stores.end() ? nullptr : store->second.get();
}

runtime::Task<Result<void>> StreamThread::run() {
    set_state(ThreadState::starting);
    Result<void> ended = co_await prepare_topics();
    if (ended) {
        const std::set<std::string> topics = layout_.source_topics();
        ended =
            consumer_.subscribe({topics.begin(), topics.end()}, std::make_shared<Listener>(*this));
    }
    if (ended) ended = co_await work();
    if (!ended) LOG_ERROR("streams", "{} ends: {}", parts_.name, ended.error().describe());
    set_state(ThreadState::stopping);
    const Result<void> closed = co_await shut_down(ended.has_value());
    set_state(ThreadState::dead);
    if (ended) ended = closed;
    co_return ended;
}

// ---- topics

runtime::Task<Result<void>> StreamThread::prepare_topics() {
    client::Admin admin(admin_cluster_);
    CO_TRY(const auto listings, co_await admin.list_topics());
    std::vector<std::string> names;
    for (const client::TopicListing& listing : listings) names.push_back(listing.name);
    CO_TRY(const auto described, co_await admin.describe_topics(names));
    std::map<std::string, int32_t> counts;
    for (const client::TopicDescription& topic : described)
        if (topic.error.code == ErrorCode::none)
            counts[topic.name] = static_cast<int32_t>(topic.partitions.size());

    const auto count = [&](const std::string& name) -> std::optional<int32_t> {
        const auto found = counts.find(name);
        return found == counts.end() ? std::nullopt : std::optional(found->second);
    };
    const auto matching = [&](const std::string& pattern) {
        std::vector<std::string> topics;
        const auto parsed = client::TopicPattern::parse(pattern);
        for (const auto& [name, partitions] : counts)
            if (parsed && parsed->matches(name)) topics.push_back(name);
        return topics;
    };
    CO_TRY_OK(guarded([&] {
        layout_ = lay_out(*parts_.plan, parts_.config, count, matching);
        for (const InternalTopic& topic : layout_.internal_topics) {
            const auto there = counts.find(topic.name);
            if (there != counts.end() && there->second != topic.partitions)
                throw StreamsException(fmt::format(
                    "the topic {} has {} partitions where {} are needed: reset the application "
                    "(kafka-streams-application-reset) or give it another application.id",
                    topic.name, there->second, topic.partitions));
        }
    }));
    std::erase_if(layout_.internal_topics,
                  [&](const InternalTopic& topic) { return counts.contains(topic.name); });
    co_return co_await create_missing(layout_);
}

runtime::Task<Result<void>> StreamThread::create_missing(const Layout& layout) {
    if (layout.internal_topics.empty()) co_return Result<void>{};
    std::vector<client::NewTopic> topics;
    for (const InternalTopic& topic : layout.internal_topics)
        topics.push_back({.name = topic.name,
                          .partitions = topic.partitions,
                          .replication = static_cast<int16_t>(parts_.config.replication_factor),
                          .configs = {topic.config.begin(), topic.config.end()}});
    client::Admin admin(admin_cluster_);
    CO_TRY(const auto outcomes, co_await admin.create_topics(std::move(topics)));
    for (const client::Outcome& outcome : outcomes) {
        // Another member may have been first.
        if (outcome.error.code == ErrorCode::none ||
            outcome.error.code == ErrorCode::topic_already_exists)
            continue;
        co_return fail(outcome.error.code, fmt::format("cannot create the topic {}: {}",
                                                       outcome.name, outcome.error.describe()));
    }
    co_return Result<void>{};
}

// ---- what the group gives and takes

std::optional<TaskId> StreamThread::task_of(const TopicPartition& partition) const {
    for (const SubtopologyLayout& sub : layout_.subtopologies)
        if (sub.topics.contains(partition.topic))
            return TaskId{sub.subtopology.id, partition.partition};
    return std::nullopt;
}

void StreamThread::add_partitions(std::span<const TopicPartition> partitions) {
    const Result<void> added = guarded([&] {
        for (const TopicPartition& partition : partitions) {
            const std::optional<TaskId> id = task_of(partition);
            if (!id) continue;
            if (!tasks_.contains(*id)) tasks_.emplace(*id, make_task(*id));
            tasks_.at(*id)->inputs.insert(partition);
        }
    });
    if (!added) failure_ = added.error();
    changelogs_.tasks_changed();
    set_state(ThreadState::rebalancing);
    balance_fetching();
}

std::unique_ptr<RunningTask> StreamThread::make_task(const TaskId& id) {
    const auto sub = std::ranges::find_if(
        layout_.subtopologies, [&](const auto& s) { return s.subtopology.id == id.subtopology; });
    return std::make_unique<RunningTask>(
        TaskParts{.plan = *parts_.plan,
                  .nodes = sub->subtopology.nodes,
                  .id = id,
                  .config = parts_.config,
                  .collector = collector_,
                  .wall_ms = [this] { return parts_.context.loop.wall_ms(); },
                  .cache = cache_bytes(parts_.config) > 0 ? &cache_ : nullptr},
        parts_.directory);
}

runtime::Task<void> StreamThread::give_up(std::span<const TopicPartition> partitions, bool clean) {
    std::set<TaskId> gone;
    for (const TopicPartition& partition : partitions)
        if (const auto id = task_of(partition)) gone.insert(*id);
    if (clean && !failure_) {
        const Result<void> committed = co_await commit();
        if (!committed) failure_ = committed.error();
    }
    for (const TaskId& id : gone) {
        const auto task = tasks_.find(id);
        if (task == tasks_.end()) continue;
        const Result<void> closed = guarded([&] { task->second->close(); });
        if (!closed)
            LOG_WARN("streams", "closing task {}: {}", id.to_string(), closed.error().describe());
        for (const TopicPartition& input : task->second->inputs) {
            paused_.erase(input);
            committed_.erase(input);
        }
        tasks_.erase(task);
    }
    changelogs_.tasks_changed();
    set_state(ThreadState::rebalancing);
}

// ---- the turn

runtime::Task<Result<void>> StreamThread::work() {
    next_commit_ = parts_.context.loop.now() + milliseconds(parts_.config.commit_interval_ms);
    while (!stopping_) {
        const bool busy = std::ranges::any_of(tasks_, [](const auto& entry) {
            return entry.second->running() ? entry.second->task().has_records()
                                           : !entry.second->restorations().empty();
        });
        CO_TRY(auto batches, co_await consumer_.poll(busy ? milliseconds(0) : kPatience));
        if (failure_) co_return *std::move(failure_);
        CO_TRY_OK(guarded([&] {
            for (client::RecordBatch& batch : batches) take_batch(std::move(batch));
        }));
        CO_TRY_OK(co_await changelogs_.advance());
        see_whether_all_run();
        if (collector_.blocked()) CO_TRY_OK(co_await collector_.drain());
        CO_TRY_OK(process_slice());
        CO_TRY_OK(run_timers());
        if (auto failed = producer_.take_failure()) co_return *std::move(failed);
        balance_fetching();
        const bool asked = std::ranges::any_of(
            tasks_, [](auto& entry) { return entry.second->task().take_commit_request(); });
        if (asked || parts_.context.loop.now() >= next_commit_) CO_TRY_OK(co_await commit());
        co_await parts_.context.loop.yield();
    }
    co_return Result<void>{};
}

void StreamThread::see_whether_all_run() {
    const bool all =
        std::ranges::all_of(tasks_, [](const auto& entry) { return entry.second->running(); });
    if (all && !tasks_.empty()) set_state(ThreadState::running);
}

void StreamThread::take_batch(client::RecordBatch batch) {
    const auto id = task_of(batch.place());
    const auto task = id ? tasks_.find(*id) : tasks_.end();
    if (task == tasks_.end()) return;
    const TopicPartition place = batch.place();
    task->second->task().add(place, std::make_unique<FetchedRecords>(std::move(batch)));
}

Result<void> StreamThread::process_slice() {
    return guarded([&] {
        for (auto& [id, task] : tasks_) {
            if (!task->running()) continue;
            for (int i = 0; i < kSlice && !collector_.blocked() && task->task().process(); ++i) {
                ++counts_.processed;
                task->task().punctuate_stream_time();
            }
        }
    });
}

Result<void> StreamThread::run_timers() {
    return guarded([&] {
        for (auto& [id, task] : tasks_)
            if (task->running()) task->task().punctuate_wall_clock();
    });
}

// Partitions of tasks that restore, or that have enough to do, are not fetched.
void StreamThread::balance_fetching() {
    std::vector<TopicPartition> pause;
    std::vector<TopicPartition> resume;
    const auto enough = static_cast<size_t>(parts_.config.buffered_records_per_partition);
    for (auto& [id, task] : tasks_) {
        for (const TopicPartition& input : task->inputs) {
            size_t waiting = 0;
            for (const auto& queue : task->task().inputs().queues())
                if (queue->partition() == input) waiting = queue->size();
            const bool stop = !task->running() || waiting > enough;
            if (stop && paused_.insert(input).second) pause.push_back(input);
            if (!stop && paused_.erase(input) > 0) resume.push_back(input);
        }
    }
    if (!pause.empty() && !consumer_.pause(pause))
        for (const TopicPartition& input : pause) paused_.erase(input);
    if (!resume.empty()) static_cast<void>(consumer_.resume(resume));
}

// ---- committing

client::CommittedOffsets StreamThread::consumed() const {
    client::CommittedOffsets offsets;
    for (const auto& [id, task] : tasks_) {
        for (const auto& queue : task->task().inputs().queues()) {
            if (queue->consumed() < 0) continue;
            const auto before = committed_.find(queue->partition());
            if (before != committed_.end() && before->second == queue->consumed()) continue;
            offsets[queue->partition()] = {.offset = queue->consumed() + 1};
        }
    }
    return offsets;
}

// What caches hold back is written, everything sent is delivered, and then the inputs count as
// read: a crash in between repeats, and loses nothing.
runtime::Task<Result<void>> StreamThread::commit() {
    next_commit_ = parts_.context.loop.now() + milliseconds(parts_.config.commit_interval_ms);
    CO_TRY_OK(guarded([&] {
        for (auto& [id, task] : tasks_)
            if (task->running()) task->task().flush();
    }));
    const client::CommittedOffsets offsets = consumed();
    CO_TRY_OK(co_await collector_.flush());
    const std::map<TopicPartition, Offset> ends = collector_.take_ends();
    if (!offsets.empty()) CO_TRY_OK(co_await commit_offsets(offsets));
    CO_TRY_OK(guarded([&] {
        for (auto& [id, task] : tasks_) task->commit_positions(ends);
    }));
    ++counts_.commits;
    co_return Result<void>{};
}

runtime::Task<Result<void>> StreamThread::commit_offsets(client::CommittedOffsets offsets) {
    const Result<void> committed = co_await consumer_.commit(offsets);
    if (!committed) {
        // A rebalance is under way: the records are read again by whoever gets the partitions.
        const ErrorCode code = committed.code();
        if (code != ErrorCode::rebalance_in_progress) co_return committed.error();
        LOG_INFO("streams", "{}: the commit waits for the rebalance", parts_.name);
        co_return Result<void>{};
    }
    for (const auto& [partition, offset] : offsets) committed_[partition] = offset.offset - 1;
    co_return Result<void>{};
}

runtime::Task<Result<void>> StreamThread::shut_down(bool commit_first) {
    Result<void> result;
    if (commit_first) {
        result = co_await commit();
    }
    for (auto& [id, task] : tasks_) {
        const Result<void> closed = guarded([&] { task->close(); });
        if (result && !closed) result = closed;
    }
    tasks_.clear();
    const Result<void> left = co_await consumer_.close();
    const Result<void> restored = co_await changelogs_.close();
    const Result<void> sent = co_await producer_.close();
    if (result && !left) result = left;
    if (result && !restored) result = restored;
    if (result && !sent) result = sent;
    co_return result;
}

}  // namespace millrace::streams
