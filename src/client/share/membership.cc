#include "client/share/membership.h"

#include "base/log.h"
#include "client/backoff.h"

namespace millrace::client {
namespace {

constexpr int32_t kJoin = 0;
constexpr int32_t kLeave = -1;
// Topics are marked as used so often, so that the metadata keeps them.
constexpr std::chrono::seconds kTouchEvery{60};

}  // namespace

ShareMembership::ShareMembership(Cluster& cluster, CoordinatorLink& link,
                                 const ShareConsumerConfig& config, Listener listener)
    : cluster_(cluster),
      link_(link),
      config_(config),
      listener_(std::move(listener)),
      id_(Uuid::random(cluster.loop().rng()).to_string()),
      last_poll_(cluster.loop().now()) {
    tasks_.emplace(cluster.loop());
    tasks_->spawn(keep_alive());
    tasks_->spawn(keep_names());
}

void ShareMembership::subscribe(std::set<std::string> topics) {
    wanted_ = std::move(topics);
    for (const std::string& topic : wanted_) cluster_.find_topic(topic);
    full_ = true;
    failed_ = false;
    wake_.set();
}

void ShareMembership::polled() {
    last_poll_ = cluster_.loop().now();
    if (std::exchange(expired_, false)) wake_.set();
}

runtime::Task<void> ShareMembership::keep_alive() {
    runtime::Loop& loop = cluster_.loop();
    int failures = 0;
    for (;;) {
        while (wanted_.empty() || expired_ || failed_) {
            wake_.reset();
            co_await wake_.wait();
        }
        if (!listener_.in_poll() && loop.now() - last_poll_ > config_.max_poll_interval) {
            LOG_WARN("client",
                     "group {}: leaving, as poll() was not called for max.poll.interval.ms",
                     config_.group_id);
            expired_ = true;
            rejoin();
            co_await leave_group(cluster_.after(config_.client.request_timeout));
            continue;
        }
        wake_.reset();
        const auto done = co_await heartbeat();
        if (done) {
            failures = 0;
            co_await wake_.wait_until(loop, loop.now() + interval_);
            continue;
        }
        full_ = true;
        LOG_INFO("client", "group {}: {}", config_.group_id, done.error().describe());
        if (!recover(done.error())) {
            failed_ = true;
            rejoin();
            listener_.failed(done.error());
            continue;
        }
        co_await loop.sleep_for(backoff(config_.client.retry_backoff,
                                        config_.client.retry_backoff_max, failures++, loop.rng()));
    }
}

runtime::Task<Result<void>> ShareMembership::heartbeat() {
    constexpr int32_t kIntervalMin = 10;
    protocol::ShareGroupHeartbeatRequest request;
    request.group_id = config_.group_id;
    request.member_id = id_;
    request.member_epoch = epoch_;
    if (std::exchange(full_, false)) {
        if (!config_.client_rack.empty()) request.rack_id = config_.client_rack;
        auto& names = request.subscribed_topic_names.emplace();
        for (const std::string& topic : wanted_) names.emplace_back(topic);
    }
    const auto began = cluster_.loop().now();
    CO_TRY(const auto reply,
           co_await link_.call(request, cluster_.after(config_.client.request_timeout)));
    link_.stats.heartbeat(began, cluster_.loop().now());
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code, reply->error_message ? reply->error_message->str() : "heartbeat");
    epoch_ = reply->member_epoch;
    interval_ = std::chrono::milliseconds(std::max(reply->heartbeat_interval_ms, kIntervalMin));
    if (reply->assignment) {
        target_.clear();
        for (const auto& topic : reply->assignment->topic_partitions) {
            auto& partitions = target_[topic.topic_id];
            partitions.insert(partitions.end(), topic.partitions.begin(), topic.partitions.end());
        }
        resolve();
        link_.stats.rebalance(began, cluster_.loop().now());
    }
    co_return {};
}

bool ShareMembership::recover(const Error& error) {
    if (error.code == ErrorCode::unknown_member_id ||
        error.code == ErrorCode::fenced_member_epoch) {
        rejoin();
        return true;
    }
    return link_.worth_retrying(error.code);
}

void ShareMembership::rejoin() {
    epoch_ = kJoin;
    full_ = true;
    target_.clear();
    resolve();
}

// Assignments come as topic ids.
void ShareMembership::resolve() {
    ShareAssignment out;
    unresolved_ = false;
    for (const auto& [id, partitions] : target_) {
        const TopicPtr topic = cluster_.metadata().topic(id);
        if (!topic) {
            unresolved_ = true;
            cluster_.request_update();
            continue;
        }
        for (const PartitionIndex index : partitions) out[{topic->name, index}] = id;
    }
    listener_.assigned(std::move(out));
}

runtime::Task<void> ShareMembership::keep_names() {
    runtime::Loop& loop = cluster_.loop();
    runtime::Subscriber waiting{loop};
    waiting.subscribe(cluster_.metadata_changed());
    for (;;) {
        co_await waiting.wait_until(loop.now() + kTouchEvery);
        for (const std::string& topic : wanted_) cluster_.find_topic(topic);
        if (unresolved_) resolve();
    }
}

runtime::Task<void> ShareMembership::leave_group(runtime::TimePoint deadline) {
    protocol::ShareGroupHeartbeatRequest request;
    request.group_id = config_.group_id;
    request.member_id = id_;
    request.member_epoch = kLeave;
    // When it does not arrive, the session ends by its timeout.
    (void)co_await link_.call(request,
                              std::min(deadline, cluster_.after(config_.client.request_timeout)));
}

runtime::Task<void> ShareMembership::leave(runtime::TimePoint deadline) {
    tasks_.reset();
    if (epoch_ != kJoin) co_await leave_group(deadline);
    epoch_ = kJoin;
}

}  // namespace millrace::client
