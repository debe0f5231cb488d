#include "streams/app/global_thread.h"

#include "base/log.h"
#include "client/admin.h"
#include "streams/app/client_configs.h"
#include "streams/app/failures.h"
#include "streams/app/fetched_records.h"

namespace millrace::streams {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{100};

std::vector<size_t> global_nodes(const TopologyPlan& plan) {
    std::vector<size_t> nodes;
    for (size_t i = 0; i < plan.nodes().size(); ++i)
        if (plan.nodes()[i].global) nodes.push_back(i);
    return nodes;
}

}  // namespace

GlobalThread::GlobalThread(runtime::Context context, std::shared_ptr<const TopologyPlan> plan,
                           const StreamsConfig& config, GlobalState& state, std::string name,
                           StateRestoreListener* listener)
    : context_(context),
      plan_(std::move(plan)),
      config_(config),
      state_(state),
      listener_(listener),
      consumer_(context_, global_consumer_config(config_, name)),
      task_({.plan = *plan_,
             .nodes = global_nodes(*plan_),
             .id = {-1, -1},
             .config = config_,
             .collector = *this,
             .wall_ms = [this] { return context_.loop.wall_ms(); },
             .bytes = [this](const StoreSpec& spec, const TaskId&) { return state_.open(spec); }}) {
    for (const auto& [store, parts] : plan_->stores())
        if (parts.global) store_of_topic_[parts.changelog] = store;
    task_.open_stores();
    task_.start();
}

void GlobalThread::stop() {
    stopping_ = true;
    consumer_.wake();
}

const std::string& GlobalThread::store_of(const TopicPartition& partition) const {
    return store_of_topic_.at(partition.topic);
}

runtime::Task<Result<std::vector<TopicPartition>>> GlobalThread::partitions_of_topics() {
    std::vector<std::string> topics;
    for (const auto& [topic, store] : store_of_topic_) topics.push_back(topic);
    client::Admin admin(consumer_.cluster());
    CO_TRY(const auto described, co_await admin.describe_topics(topics));
    std::vector<TopicPartition> partitions;
    for (const client::TopicDescription& topic : described) {
        if (topic.error.code != ErrorCode::none)
            co_return fail(topic.error.code,
                           fmt::format("the topic {} of the global store {}: {}", topic.name,
                                       store_of_topic_.at(topic.name), topic.error.describe()));
        for (const client::PartitionDescription& partition : topic.partitions)
            partitions.push_back({topic.name, partition.index});
    }
    co_return partitions;
}

runtime::Task<Result<void>> GlobalThread::restore() {
    CO_TRY(const auto partitions, co_await partitions_of_topics());
    CO_TRY(const auto begins, co_await consumer_.beginning_offsets(partitions));
    CO_TRY(const auto ends, co_await consumer_.end_offsets(partitions));
    CO_TRY_OK(consumer_.assign(partitions));
    for (const TopicPartition& partition : partitions) {
        const Offset next = std::max(state_.position(partition), begins.at(partition));
        CO_TRY_OK(consumer_.seek(partition, next));
        progress_[partition].end = ends.at(partition);
        if (listener_)
            listener_->restore_started(partition, store_of(partition), next, ends.at(partition));
    }
    while (!stopping_) {
        CO_TRY(const bool done, co_await restored());
        if (done) break;
        CO_TRY_OK(co_await read(kPatience));
    }
    co_return Result<void>{};
}

// Takes out the partitions that are; true when none is left.
runtime::Task<Result<bool>> GlobalThread::restored() {
    for (auto at = progress_.begin(); at != progress_.end();) {
        const auto& [partition, progress] = *at;
        CO_TRY(const Offset position, co_await consumer_.position(partition));
        if (position < progress.end) {
            ++at;
            continue;
        }
        if (listener_) listener_->restore_ended(partition, store_of(partition), progress.records);
        at = progress_.erase(at);
    }
    co_return progress_.empty();
}

runtime::Task<Result<void>> GlobalThread::run() {
    Result<void> done;
    while (done && !stopping_) done = co_await read(kPatience);
    const Result<void> closed = guarded([&] {
        task_.close();
        state_.flush();
    });
    const Result<void> left = co_await consumer_.close();
    if (done && !closed) done = closed;
    if (done && !left) done = left;
    co_return done;
}

runtime::Task<Result<void>> GlobalThread::read(milliseconds patience) {
    CO_TRY(auto batches, co_await consumer_.poll(patience));
    co_return guarded([&] {
        for (client::RecordBatch& batch : batches) take_batch(std::move(batch));
    });
}

void GlobalThread::take_batch(client::RecordBatch batch) {
    const TopicPartition partition = batch.place();
    const Offset next = batch.next_offset();
    const auto records = static_cast<int64_t>(batch.count_max());
    task_.add(partition, std::make_unique<FetchedRecords>(std::move(batch)));
    while (task_.process()) {
    }
    task_.flush();
    state_.set_position(partition, next);
    const auto progress = progress_.find(partition);
    if (progress == progress_.end()) return;
    progress->second.records += records;
    if (listener_) listener_->batch_restored(partition, store_of(partition), next, records);
}

void GlobalThread::send(std::string_view topic, std::optional<PartitionIndex>, NullableView,
                        NullableView, std::optional<TimestampMs>, const Headers&) {
    LOG_WARN("streams", "a global processor cannot send: a record for {} is dropped", topic);
}

int32_t GlobalThread::partitions(std::string_view topic) {
    throw StreamsException(fmt::format("a global processor cannot send to {}", topic));
}

}  // namespace millrace::streams
