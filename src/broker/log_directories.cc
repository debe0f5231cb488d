#include "broker/log_directories.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "broker/partition.h"

namespace millrace::broker {
namespace {

constexpr size_t kAssignmentsPerRequest = 2250;
constexpr Duration kRetryInterval = std::chrono::seconds(1);
constexpr uint64_t kCopyBytes = 1 << 20;
// What is left to be copied while appends wait.
constexpr Offset kLagMax = 1000;

}  // namespace

std::optional<size_t> LogDirectories::directory_with(const Uuid& id) const {
    const auto& all = logs_.directories();
    for (size_t i = 0; i < all.size(); ++i)
        if (all[i].meta.directory_id == id) return i;
    return {};
}

size_t LogDirectories::fewest() const {
    const auto& all = logs_.directories();
    std::optional<size_t> best;
    for (const bool also_cordoned : {false, true}) {
        for (size_t i = 0; i < all.size(); ++i) {
            if (all[i].failed() || (cordoned_[i] && !also_cordoned)) continue;
            if (!best || counts_[i] < counts_[*best]) best = i;
        }
        if (best) break;
    }
    return best.value_or(0);
}

Result<size_t> LogDirectories::place(const metadata::Topic& topic, PartitionIndex index,
                                     const metadata::Partition& partition) {
    const auto& all = logs_.directories();
    std::optional<size_t> at = logs_.directory_of({topic.name, index});
    const Uuid wanted = partition.directory_of(node_);
    if (!at) at = directory_with(wanted);
    if (!at)
        if (const auto chosen = chosen_.find({topic.id, index}); chosen != chosen_.end())
            at = chosen->second;
    if (at) {
        if (!all[*at].failed()) return *at;
        return fail(ErrorCode::kafka_storage_error, all[*at].path + " is out of use");
    }
    const bool named = wanted != metadata::kDirectoryMigrating &&
                       wanted != metadata::kDirectoryUnassigned &&
                       wanted != metadata::kDirectoryLost;
    // It may lie in a directory that could not even be read at the start.
    if (named && std::ranges::any_of(all, &storage::LogDirectory::failed))
        return fail(ErrorCode::kafka_storage_error, "its log directory is out of use");
    const size_t directory = fewest();
    chosen_[{topic.id, index}] = directory;
    ++counts_[directory];
    // A metadata.version that knows no directories.
    if (wanted == metadata::kDirectoryMigrating) return directory;
    untold_.push_back({topic.id, index, directory});
    work_.set();
    return directory;
}

void LogDirectories::count(const metadata::Topic& topic, bool more) {
    for (const metadata::Partition& partition : topic.partitions)
        if (const auto at = directory_with(partition.directory_of(node_))) {
            if (more)
                ++counts_[*at];
            else if (counts_[*at] > 0)
                --counts_[*at];
        }
}

// Gives a place to what has none, and sets right what the controller believes.
void LogDirectories::settle(const metadata::Topic& topic) {
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
        const metadata::Partition& partition = topic.partitions[i];
        if (!partition.exists() || !partition.replicas.contains(node_)) continue;
        const auto index = static_cast<PartitionIndex>(i);
        const auto assigned = directory_with(partition.directory_of(node_));
        if (assigned) forget(topic.id, index);
        const auto actual = logs_.directory_of({topic.name, index});
        if (assigned && (!actual || *actual == *assigned)) continue;
        if (!actual) {
            if (const auto placed = place(topic, index, partition); !placed)
                LOG_WARN("broker", "{}-{} is offline: {}", topic.name, index,
                         placed.error().message);
            continue;
        }
        // It lies elsewhere: a move was interrupted, or the controller never knew.
        if (partition.directory_of(node_) == metadata::kDirectoryMigrating) continue;
        untold_.push_back({topic.id, index, *actual});
        work_.set();
    }
}

void LogDirectories::forget(const Uuid& topic_id, PartitionIndex index) {
    const auto chosen = chosen_.find({topic_id, index});
    if (chosen == chosen_.end()) return;
    if (counts_[chosen->second] > 0) --counts_[chosen->second];
    chosen_.erase(chosen);
}

void LogDirectories::start(const metadata::ImagePtr& image) {
    image_ = image;
    counts_.assign(logs_.directories().size(), 0);
    if (cordoned_.empty()) cordoned_.assign(counts_.size(), false);
    image->topics_by_name.for_each([&](const metadata::TopicPtr& t) { count(*t, true); });
    image->topics_by_name.for_each([&](const metadata::TopicPtr& t) { settle(*t); });
}

void LogDirectories::on_image(const metadata::ImagePtr& image, const metadata::Delta& delta) {
    image_ = image;
    for (const metadata::TopicChange& change : delta.topics) {
        if (change.before) count(*change.before, false);
        if (change.after) {
            count(*change.after, true);
            settle(*change.after);
            continue;
        }
        for (size_t i = 0; i < change.before->partitions.size(); ++i)
            forget(change.before->id, static_cast<PartitionIndex>(i));
    }
}

void LogDirectories::set_cordoned(const std::vector<std::string>& paths) {
    const auto& all = logs_.directories();
    const bool every = paths.size() == 1 && paths[0] == "*";
    std::vector<bool> cordoned(all.size());
    for (size_t i = 0; i < all.size(); ++i)
        cordoned[i] = every || std::ranges::find(paths, all[i].path) != paths.end();
    if (cordoned == cordoned_) return;
    const bool first = cordoned_.empty();
    cordoned_ = std::move(cordoned);
    // Registration says that none is.
    if (first && std::ranges::none_of(cordoned_, [](bool c) { return c; })) return;
    cordoned_told_ = false;
    work_.set();
}

int64_t LogDirectories::broker_epoch() const {
    const auto* self = metadata_.image()->broker(node_);
    return self ? self->epoch : -1;
}

// Failed and cordoned directories, as a heartbeat says them.
runtime::Task<Result<void>> LogDirectories::tell_state() {
    const auto& all = logs_.directories();
    const auto failures =
        static_cast<size_t>(std::ranges::count_if(all, &storage::LogDirectory::failed));
    if (failures == failures_told_ && cordoned_told_) co_return {};
    protocol::BrokerHeartbeatRequest request;
    request.broker_id = node_;
    request.broker_epoch = broker_epoch();
    request.current_metadata_offset = metadata_.image()->position.offset;
    request.cordoned_log_dirs.emplace();
    for (size_t i = 0; i < all.size(); ++i) {
        if (!all[i].meta.directory_id) continue;
        if (all[i].failed()) request.offline_log_dirs.push_back(*all[i].meta.directory_id);
        if (cordoned_[i]) request.cordoned_log_dirs->push_back(*all[i].meta.directory_id);
    }
    const std::vector<bool> cordoned = cordoned_;
    CO_TRY(const auto response, co_await metadata_.broker_heartbeat(request, 2));
    if (response.error_code != 0) co_return fail(static_cast<ErrorCode>(response.error_code));
    failures_told_ = failures;
    cordoned_told_ = cordoned == cordoned_;
    co_return {};
}

runtime::Task<Result<void>> LogDirectories::assign(std::vector<Assignment> batch) {
    const auto& all = logs_.directories();
    protocol::AssignReplicasToDirsRequest request;
    request.broker_id = node_;
    request.broker_epoch = broker_epoch();
    for (size_t i = 0; i < all.size(); ++i) {
        std::map<Uuid, std::vector<PartitionIndex>> topics;
        for (const Assignment& a : batch)
            if (a.directory == i) topics[a.topic_id].push_back(a.index);
        if (topics.empty() || all[i].failed() || !all[i].meta.directory_id) continue;
        auto& directory = request.directories.emplace_back();
        directory.id = *all[i].meta.directory_id;
        for (const auto& [id, partitions] : topics) {
            auto& topic = directory.topics.emplace_back();
            topic.topic_id = id;
            for (const PartitionIndex index : partitions)
                topic.partitions.emplace_back().partition_index = index;
        }
    }
    if (request.directories.empty()) co_return {};
    CO_TRY(const auto response, co_await metadata_.assign_replicas_to_dirs(request, 0));
    if (response.error_code != 0) co_return fail(static_cast<ErrorCode>(response.error_code));
    // A single one that is refused was deleted meanwhile.
    co_return {};
}

runtime::Task<Result<void>> LogDirectories::tell_assignments() {
    while (!untold_.empty()) {
        const size_t count = std::min(untold_.size(), kAssignmentsPerRequest);
        const auto end = untold_.begin() + static_cast<std::ptrdiff_t>(count);
        std::vector<Assignment> batch(untold_.begin(), end);
        CO_TRY_OK(co_await assign(batch));
        untold_.erase(untold_.begin(), untold_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    co_return {};
}

runtime::Task<void> LogDirectories::tell() {
    Result<void> told = co_await tell_state();
    if (told) told = co_await tell_assignments();
    if (told) co_return;
    LOG_WARN("broker", "the controller does not know of the log directories yet: {}",
             told.error().describe());
    work_.set();
    runtime::Event pause;
    co_await pause.wait_until(loop_, loop_.now() + kRetryInterval);
}

runtime::Task<void> LogDirectories::run() {
    runtime::Hook failed([](void* self) { static_cast<LogDirectories*>(self)->work_.set(); }, this);
    logs_.directory_failed().add(failed);
    // Moves that the last life of this process began start anew.
    for (const auto& future : logs_.futures()) {
        const auto topic = image_->topic(std::string_view{future.partition.topic});
        const std::string path = logs_.directories()[future.directory].path;
        if (const auto dropped = logs_.drop_future(future.partition, loop_.wall_ms()); !dropped)
            LOG_WARN("broker", "{}", dropped.error().describe());
        if (topic) co_await move(topic, future.partition.partition, path);
    }
    // What failed at the start was never registered.
    failures_told_ = static_cast<size_t>(
        std::ranges::count_if(logs_.directories(), &storage::LogDirectory::failed));
    while (!stopping_) {
        co_await work_.wait();
        work_.reset();
        if (stopping_) break;
        partitions_.drop_failed();
        co_await tell();
    }
    co_await scope_.join();
}

runtime::Task<void> LogDirectories::stop() {
    stopping_ = true;
    work_.set();
    co_await scope_.join();
}

runtime::Task<ErrorCode> LogDirectories::move(metadata::TopicPtr topic, PartitionIndex index,
                                              std::string_view path) {
    const auto& all = logs_.directories();
    const auto at = std::ranges::find(all, path, &storage::LogDirectory::path);
    if (at == all.end()) co_return ErrorCode::log_dir_not_found;
    if (at->failed()) co_return ErrorCode::kafka_storage_error;
    const auto directory = static_cast<size_t>(at - all.begin());
    auto partition = co_await partitions_.get(topic, index);
    if (!partition) {
        const ErrorCode code = partition.error().code;
        co_return code == ErrorCode::not_leader_or_follower ? ErrorCode::replica_not_available
                                                            : code;
    }
    if (cordoned_[directory]) co_return ErrorCode::invalid_replica_assignment;
    // A copy that is taking over just now cannot be given up any more.
    while ((*partition)->paused()) co_await (*partition)->until_resumed(loop_);
    const TopicPartition& name = (*partition)->name();
    if (const auto future = logs_.future(name)) {
        if (future->directory == directory) co_return ErrorCode::none;
        if (const auto dropped = logs_.drop_future(name, loop_.wall_ms()); !dropped)
            co_return dropped.error().code;
    }
    if (logs_.directory_of(name) == directory) co_return ErrorCode::none;
    const auto made = co_await logs_.create_future(
        name, directory, (*partition)->log().start_offset(), loop_.wall_ms());
    if (!made)
        co_return made.code() == ErrorCode::already_exists ? ErrorCode::none : made.error().code;
    LOG_INFO("broker", "{}-{} moves to {}", name.topic, name.partition, path);
    scope_.spawn(copy(*std::move(partition)));
    co_return ErrorCode::none;
}

// Until the copy has taken over, was given up, or the node stops.
runtime::Task<void> LogDirectories::copy(std::shared_ptr<Partition> partition) {
    while (!stopping_ && !partition->gone()) {
        Result<bool> done = false;
        {
            const auto alone = co_await copying_.lock();
            if (!logs_.future(partition->name())) co_return;
            done = co_await copy_once(*partition);
        }
        if (done && *done) co_return;
        if (done.code() == ErrorCode::not_found) co_return;
        if (!done) {
            const auto future = logs_.future(partition->name());
            if (!future || logs_.directories()[future->directory].failed()) co_return;
            LOG_WARN("broker", "the move of {}-{} goes on later: {}", partition->name().topic,
                     partition->name().partition, done.error().describe());
            runtime::Event pause;
            co_await pause.wait_until(loop_, loop_.now() + kRetryInterval);
        }
    }
}

// True: the copy has taken over.
runtime::Task<Result<bool>> LogDirectories::copy_once(Partition& partition) {
    const auto& name = partition.name();
    while (!stopping_ && !partition.gone()) {
        const auto future = logs_.future(name);
        if (!future || !future->log) co_return fail(ErrorCode::not_found);
        const Offset lag = partition.log().end_offset() - future->log->end_offset();
        if (lag <= kLagMax && future->log->end_offset() > future->log->recovery_point())
            CO_TRY_OK(co_await future->log->save());
        else if (lag <= kLagMax) {
            CO_TRY_OK(co_await take_over(partition, future->directory));
            co_return true;
        }
        if (!logs_.directories()[future->directory].room->take(kCopyBytes, loop_.wall_ms()))
            co_return fail(ErrorCode::no_space, "the directory is full");
        CO_TRY(const uint64_t copied,
               co_await logs_.copy_to_future(name, kCopyBytes, loop_.wall_ms()));
        if (copied == 0 && logs_.future(name) && logs_.future(name)->log)
            CO_TRY_OK(co_await logs_.future(name)->log->save());
        co_await loop_.yield();
    }
    co_return true;
}

runtime::Task<Result<void>> LogDirectories::take_over(Partition& partition, size_t directory) {
    std::vector<Assignment> one;
    one.push_back({partition.topic_id(), partition.name().partition, directory});
    const Partition::Pause pause(partition);
    CO_TRY(storage::Log* const log,
           co_await logs_.replace_with_future(partition.name(), loop_.wall_ms()));
    partition.set_log(*log);
    untold_.push_back(one.front());
    work_.set();
    co_return {};
}

}  // namespace millrace::broker
