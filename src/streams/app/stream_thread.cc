#include "streams/app/stream_thread.h"

#include <algorithm>

#include "base/log.h"
#include "streams/app/application_topics.h"
#include "streams/app/client_configs.h"
#include "streams/app/failures.h"
#include "streams/app/fetched_records.h"
#include "streams/app/task_assignor.h"

namespace millrace::streams {
namespace {

using std::chrono::milliseconds;

// Records between two looks at the loop: about a millisecond's work.
constexpr int kSlice = 200;
// How long a poll waits when there is nothing to do (poll.ms).
constexpr milliseconds kPatience{100};
// How long a thread that ends waits to be able to commit.
constexpr std::chrono::seconds kLastCommit{5};
// How long a thread waits before it goes on after a failure.
constexpr milliseconds kPause{100};
// With exactly once: writes that wait for a commit, above which it does not wait for its time.
constexpr size_t kHeldMax = size_t{64} << 20;

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
      collector_(parts_.context, sender_config()),
      admin_cluster_(parts_.context, admin_config(parts_.config, parts_.name + "-admin")),
      cache_(cache_bytes(parts_.config)),
      changelogs_(parts_.context,
                  restore_consumer_config(parts_.config, parts_.name + "-restore-consumer"), tasks_,
                  parts_.restore_listener),
      offsets_(parts_.context.loop, consumer_, tasks_),
      purge_(admin_cluster_, milliseconds(parts_.config.repartition_purge_interval_ms)) {
    if (parts_.global) global_.emplace(*parts_.global, parts_.config);
}

StreamThread::~StreamThread() = default;

client::ConsumerConfig StreamThread::member_config() const {
    client::ConsumerConfig config = main_consumer_config(parts_.config, parts_.name + "-consumer");
    config.assignor_factory = [this] { return make_task_assignor(layout_); };
    return config;
}

// Its transactional id is the same when the process begins again, so that what it left open ends
// at once.
client::ProducerConfig StreamThread::sender_config() const {
    const Result<std::string> process = parts_.directory.claim(parts_.context);
    if (!process) throw StreamsException(process.error().message);
    const std::string index = parts_.name.substr(parts_.name.rfind('-') + 1);
    const std::string id =
        parts_.config.exactly_once
            ? fmt::format("{}-{}-{}", parts_.config.application_id, *process, index)
            : "";
    return producer_config(parts_.config, parts_.name + "-producer", id);
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
    Result<void> ended = co_await begin();
    if (ended) ended = co_await work();
    if (!ended) LOG_ERROR("streams", "{} ends: {}", parts_.name, ended.error().describe());
    set_state(ThreadState::stopping);
    const Result<void> closed = co_await shut_down(ended.has_value());
    set_state(ThreadState::dead);
    if (ended) ended = closed;
    co_return ended;
}

runtime::Task<Result<void>> StreamThread::begin() {
    CO_TRY(layout_, co_await prepare_topics(admin_cluster_, *parts_.plan, parts_.config));
    purge_.set_topics(layout_.repartition_topics());
    collector_.know(layout_.partitions);
    CO_TRY_OK(co_await collector_.begin());
    const std::set<std::string> topics = layout_.source_topics();
    co_return consumer_.subscribe({topics.begin(), topics.end()},
                                  std::make_shared<Listener>(*this));
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
    tasks_changed();
    balance_fetching();
}

void StreamThread::tasks_changed() {
    changelogs_.tasks_changed();
    offsets_.tasks_changed();
    set_state(ThreadState::rebalancing);
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
                  .cache = cache_bytes(parts_.config) > 0 ? &cache_ : nullptr,
                  .global_stores = global_ ? &global_->stores() : nullptr},
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
    // What the tasks sent is in one transaction with what the others did.
    if (!clean && collector_.in_transaction())
        failure_ = fail(ErrorCode::unknown_member_id, "partitions were lost in a transaction");
    for (const TaskId& id : gone) {
        const auto task = tasks_.find(id);
        if (task == tasks_.end()) continue;
        close_task(*task->second);
        tasks_.erase(task);
    }
    tasks_changed();
}

void StreamThread::close_task(RunningTask& task) {
    const Result<void> closed = guarded([&] { task.close(); });
    if (!closed)
        LOG_WARN("streams", "closing task {}: {}", task.id().to_string(),
                 closed.error().describe());
    for (const TopicPartition& input : task.inputs) paused_.erase(input);
}

// ---- the turn

runtime::Task<Result<void>> StreamThread::work() {
    next_commit_ = parts_.context.loop.now() + milliseconds(parts_.config.commit_interval_ms);
    while (!stopping_) {
        const Result<void> turned = co_await turn();
        if (!turned) CO_TRY_OK(co_await recover(turned.error()));
        co_await parts_.context.loop.yield();
    }
    co_return Result<void>{};
}

runtime::Task<Result<void>> StreamThread::turn() {
    const bool busy = std::ranges::any_of(tasks_, [&](const auto& entry) {
        return entry.second->restoring() || can_process(*entry.second);
    });
    CO_TRY(auto batches, co_await consumer_.poll(busy ? milliseconds(0) : kPatience));
    if (failure_) co_return *std::exchange(failure_, std::nullopt);
    CO_TRY_OK(guarded([&] {
        for (client::RecordBatch& batch : batches) take_batch(std::move(batch));
    }));
    offsets_.look_after();
    if (auto failed = offsets_.take_failure()) co_return *std::move(failed);
    CO_TRY_OK(co_await changelogs_.advance());
    see_whether_all_run();
    if (collector_.blocked()) CO_TRY_OK(co_await collector_.drain());
    CO_TRY_OK(process_slice());
    CO_TRY_OK(run_timers());
    if (auto failed = collector_.take_failure()) co_return *std::move(failed);
    balance_fetching();
    if (commit_is_due()) CO_TRY_OK(co_await commit());
    co_return Result<void>{};
}

// All tasks go back to their last commit: their inputs, and with exactly once their state and what
// they sent. With at least once, what came since happens again.
runtime::Task<Result<void>> StreamThread::recover(Error error) {
    const auto& loop = parts_.context.loop;
    if (!troubled_since_) troubled_since_ = loop.now();
    const runtime::TimePoint until = *troubled_since_ + milliseconds(parts_.config.task_timeout_ms);
    std::map<TaskId, std::set<TopicPartition>> tasks;
    for (auto& [id, task] : tasks_) {
        tasks[id] = task->inputs;
        close_task(*task);
    }
    tasks_.clear();
    co_await collector_.forget();
    for (Result<void> usable = error; !usable; usable = co_await collector_.start_over()) {
        if (stopping_) co_return Result<void>{};
        if (!recoverable(usable.code()) || loop.now() >= until) co_return usable.error();
        LOG_WARN("streams", "{} goes back to the last commit: {}", parts_.name,
                 usable.error().describe());
        co_await parts_.context.loop.sleep_for(kPause);
    }
    CO_TRY_OK(guarded([&] {
        for (auto& [id, inputs] : tasks)
            tasks_.emplace(id, make_task(id)).first->second->inputs = std::move(inputs);
    }));
    tasks_changed();
    balance_fetching();
    co_return Result<void>{};
}

void StreamThread::see_whether_all_run() {
    const bool all =
        std::ranges::all_of(tasks_, [](const auto& entry) { return entry.second->running(); });
    // A member to whom the group gives nothing runs, too.
    const client::MemberIdentity& member = consumer_.identity();
    const bool joined = member.epoch >= 0 && !member.rebalancing;
    if (all && (!tasks_.empty() || joined)) set_state(ThreadState::running);
}

void StreamThread::take_batch(client::RecordBatch batch) {
    const auto id = task_of(batch.place());
    const auto task = id ? tasks_.find(*id) : tasks_.end();
    // Of one that waits, the position is not the one that it will go on from.
    if (task == tasks_.end() || task->second->waiting()) return;
    const TopicPartition place = batch.place();
    task->second->task().add(place, std::make_unique<FetchedRecords>(std::move(batch)));
}

Result<void> StreamThread::process_slice() {
    return guarded([&] {
        for (auto& [id, task] : tasks_) {
            for (int i = 0; i < kSlice && !collector_.blocked() && can_process(*task); ++i) {
                task->task().process();
                ++counts_.processed;
                task->task().punctuate_stream_time();
            }
        }
    });
}

// Of several inputs the oldest record goes first: which one that is, is not known while one of them
// has records that are still to come, or, for max.task.idle.ms, might have. Kafka: KIP-695.
bool StreamThread::can_process(RunningTask& task) {
    if (!task.running() || !task.task().has_records()) return false;
    if (parts_.config.max_task_idle_ms < 0) return true;
    if (task.task().inputs().queues_with_records() == task.inputs.size()) {
        task.idle_since.reset();
        return true;
    }
    for (const TopicPartition& input : task.inputs)
        if (!task.task().has_records(input) && consumer_.lag(input).value_or(1) > 0) return false;
    const runtime::TimePoint now = parts_.context.loop.now();
    if (!task.idle_since) task.idle_since = now;
    return now >= *task.idle_since + milliseconds(parts_.config.max_task_idle_ms);
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

bool StreamThread::commit_is_due() {
    const bool asked = std::ranges::any_of(
        tasks_, [](auto& entry) { return entry.second->task().take_commit_request(); });
    if (asked || parts_.context.loop.now() >= next_commit_) return true;
    size_t held = 0;
    for (const auto& [id, task] : tasks_) held += task->held();
    return held > kHeldMax;
}

// What caches hold back is written, everything sent is delivered, and then the inputs count as
// read, with exactly once together with what was sent. Then the state may keep what was written.
runtime::Task<Result<void>> StreamThread::commit() {
    if (failure_) co_return *failure_;
    next_commit_ = parts_.context.loop.now() + milliseconds(parts_.config.commit_interval_ms);
    CO_TRY_OK(guarded([&] {
        for (auto& [id, task] : tasks_)
            if (task->running()) task->task().flush();
    }));
    CO_TRY(client::CommittedOffsets offsets, co_await offsets_.processed());
    if (!parts_.config.exactly_once) {
        CO_TRY(offsets, co_await commit_at_least_once(std::move(offsets)));
    } else if (!offsets.empty() || collector_.in_transaction()) {
        CO_TRY_OK(co_await collector_.commit(offsets, consumer_.group_metadata()));
    }
    offsets_.committed(offsets);
    const std::map<TopicPartition, Offset> ends = collector_.take_ends();
    CO_TRY_OK(guarded([&] {
        for (auto& [id, task] : tasks_)
            if (task->running()) task->commit(ends);
    }));
    purge_.committed(offsets);
    troubled_since_.reset();
    ++counts_.commits;
    co_return Result<void>{};
}

// Gives what was committed: nothing while the members of the group learn their shares. Those who
// keep the tasks commit it next time.
runtime::Task<Result<client::CommittedOffsets>> StreamThread::commit_at_least_once(
    client::CommittedOffsets offsets) {
    CO_TRY_OK(co_await collector_.flush());
    if (offsets.empty()) co_return offsets;
    const Result<void> committed = co_await consumer_.commit(offsets);
    if (committed) co_return offsets;
    if (committed.code() != ErrorCode::rebalance_in_progress) co_return committed.error();
    LOG_INFO("streams", "{}: the commit waits for the rebalance", parts_.name);
    co_return client::CommittedOffsets{};
}

// As commit(), but a rebalance that is under way is waited for: others would do again what is not
// committed.
runtime::Task<Result<void>> StreamThread::commit_at_last() {
    CO_TRY_OK(consumer_.pause(consumer_.assignment()));
    const runtime::TimePoint until = parts_.context.loop.now() + kLastCommit;
    while (true) {
        CO_TRY_OK(co_await commit());
        CO_TRY(const client::CommittedOffsets left, co_await offsets_.processed());
        if (left.empty() || parts_.context.loop.now() >= until) co_return Result<void>{};
        CO_TRY_OK(co_await consumer_.poll(kPatience));
    }
}

runtime::Task<Result<void>> StreamThread::shut_down(bool commit_first) {
    Result<void> result;
    if (commit_first) result = co_await commit_at_last();
    // Whoever goes on need not wait for a transaction that nobody will end.
    if (!commit_first || !result) co_await collector_.forget();
    for (auto& [id, task] : tasks_) close_task(*task);
    tasks_.clear();
    const Result<void> left = co_await consumer_.close();
    const Result<void> restored = co_await changelogs_.close();
    const Result<void> sent = co_await collector_.close();
    if (result && !left) result = left;
    if (result && !restored) result = restored;
    if (result && !sent) result = sent;
    co_return result;
}

}  // namespace millrace::streams
