#include "client/consumer_membership.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "client/backoff.h"

namespace millrace::client {
namespace {

constexpr int32_t kJoin = 0;
constexpr int32_t kLeave = -1;
// A static member that will be back.
constexpr int32_t kLeaveForNow = -2;

}  // namespace

ConsumerMembership::ConsumerMembership(MembershipContext context)
    : context_(std::move(context)),
      id_(Uuid::random(context_.cluster.loop().rng()).to_string()),
      last_poll_(context_.cluster.loop().now()) {
    context_.identity = {.id = {},
                         .epoch = -1,
                         .instance_id = context_.config.group_instance_id,
                         .subscribed = true};
    tasks_.emplace(context_.cluster.loop());
    tasks_->spawn(keep_alive());
    tasks_->spawn(keep_true());
}

void ConsumerMembership::subscribe(Subscription wanted) {
    wanted_ = std::move(wanted);
    // Topics come as ids; those of a pattern can only be looked up among all.
    context_.cluster.follow_all_topics(wanted_.pattern.has_value());
    for (const std::string& topic : wanted_.topics) context_.cluster.find_topic(topic);
    full_ = true;
    failed_ = false;
    wake_.set();
}

void ConsumerMembership::polled() {
    last_poll_ = context_.cluster.loop().now();
    if (std::exchange(expired_, false)) wake_.set();
}

int32_t ConsumerMembership::leave_epoch() const {
    return context_.config.group_instance_id.empty() ? kLeave : kLeaveForNow;
}

// Heartbeats

runtime::Task<void> ConsumerMembership::keep_alive() {
    runtime::Loop& loop = context_.cluster.loop();
    int failures = 0;
    for (;;) {
        // What was lost must be given up before joining again.
        while (wanted_.empty() || expired_ || failed_ || lost_) {
            wake_.reset();
            co_await wake_.wait();
        }
        if (!context_.in_poll() && loop.now() - last_poll_ > context_.config.max_poll_interval) {
            LOG_WARN("client",
                     "group {}: leaving, as poll() was not called for max.poll.interval.ms",
                     context_.link.group_id());
            expired_ = true;
            lose_membership();
            co_await leave_group(leave_epoch(),
                                 context_.cluster.after(context_.config.client.request_timeout));
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
        LOG_INFO("client", "group {}: {}", context_.link.group_id(), done.error().describe());
        if (!recover(done.error())) {
            context_.table.raise(done.error());
            failed_ = true;
            continue;
        }
        co_await loop.sleep_for(backoff(context_.config.client.retry_backoff,
                                        context_.config.client.retry_backoff_max, failures++,
                                        loop.rng()));
    }
}

protocol::ConsumerGroupHeartbeatRequest ConsumerMembership::request(bool full) {
    const ConsumerConfig& config = context_.config;
    protocol::ConsumerGroupHeartbeatRequest out;
    out.group_id = config.group_id;
    out.member_id = id_;
    out.member_epoch = epoch_;
    if (!config.group_instance_id.empty()) out.instance_id = config.group_instance_id;
    if (full) {
        if (!config.client_rack.empty()) out.rack_id = config.client_rack;
        out.rebalance_timeout_ms = static_cast<int32_t>(config.max_poll_interval.count());
        auto& names = out.subscribed_topic_names.emplace();
        for (const std::string& topic : wanted_.topics) names.emplace_back(topic);
        if (wanted_.pattern) out.subscribed_topic_regex = wanted_.pattern->text();
        if (!config.group_remote_assignor.empty())
            out.server_assignor = config.group_remote_assignor;
    }
    if (full || said_ != have_) {
        auto& topics = out.topic_partitions.emplace();
        Uuid last;
        for (const TopicPartition& place : have_) {
            const auto p = context_.table.find(place);
            const TopicPtr topic = context_.cluster.metadata().topic(place.topic);
            if (!p || !topic) continue;
            if (topics.empty() || last != topic->id) topics.emplace_back().topic_id = topic->id;
            last = topic->id;
            topics.back().partitions.push_back(place.partition);
        }
    }
    return out;
}

runtime::Task<Result<void>> ConsumerMembership::heartbeat() {
    const bool full = std::exchange(full_, false);
    const auto saying = have_;
    const auto asked = request(full);
    const auto patience = context_.config.client.request_timeout;
    const auto began = context_.cluster.loop().now();
    CO_TRY(const auto reply, co_await context_.link.call(asked, context_.cluster.after(patience)));
    context_.link.stats.heartbeat(began, context_.cluster.loop().now());
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code, reply->error_message ? reply->error_message->str() : "heartbeat");
    said_ = saying;
    take_answer(reply.body);
    co_return {};
}

void ConsumerMembership::take_answer(const protocol::ConsumerGroupHeartbeatResponse& said) {
    constexpr int32_t kIntervalMin = 10;
    epoch_ = said.member_epoch;
    context_.identity.id = id_;
    context_.identity.epoch = epoch_;
    interval_ = std::chrono::milliseconds(std::max(said.heartbeat_interval_ms, kIntervalMin));
    if (!said.assignment) return;
    Target& target = target_.emplace();
    for (const auto& topic : said.assignment->topic_partitions) {
        auto& partitions = target[topic.topic_id];
        partitions.insert(partitions.end(), topic.partitions.begin(), topic.partitions.end());
    }
    target_moved_.notify();
}

bool ConsumerMembership::recover(const Error& error) {
    switch (error.code) {
        case ErrorCode::unknown_member_id:
        case ErrorCode::fenced_member_epoch:
            lose_membership();
            return true;
        case ErrorCode::fenced_instance_id:
            lose_membership();
            return false;
        case ErrorCode::unreleased_instance_id:
            return true;  // until the one of before is gone
        default:
            return context_.link.worth_retrying(error.code);
    }
}

void ConsumerMembership::lose_membership() {
    epoch_ = kJoin;
    memberships_++;
    full_ = true;
    context_.identity.epoch = -1;
    context_.identity.id.clear();
    target_.reset();
    if (context_.table.all().empty()) {
        have_.clear();
        return;
    }
    lost_ = true;
    for (const auto& [place, p] : context_.table.all()) p->leaving = true;
    target_moved_.notify();
}

// What was assigned

std::vector<TopicPartition> ConsumerMembership::resolved(bool& all) const {
    std::vector<TopicPartition> out;
    for (const auto& [id, partitions] : *target_) {
        const TopicPtr topic = context_.cluster.metadata().topic(id);
        all = all && topic;
        if (!topic) continue;
        for (const PartitionIndex index : partitions) out.push_back({topic->name, index});
    }
    std::ranges::sort(out);
    return out;
}

runtime::Task<void> ConsumerMembership::keep_true() {
    runtime::Subscriber waiting{context_.cluster.loop()};
    waiting.subscribe(target_moved_);
    waiting.subscribe(context_.cluster.metadata_changed());
    for (;;) {
        co_await waiting.wait();
        if (lost_) {
            co_await context_.gate.run(
                give_back_now(context_, context_.table.places(), Change::lost));
            lost_ = false;
            have_.clear();
            wake_.set();
        }
        if (!target_) continue;
        bool all = true;
        auto given = resolved(all);
        if (!all)
            context_.cluster.request_update();
        else
            target_.reset();
        if (given == have_) continue;
        co_await context_.gate.run(take(std::move(given), memberships_));
        // The coordinator waits to hear of it.
        wake_.set();
    }
}

runtime::Task<void> ConsumerMembership::take(std::vector<TopicPartition> given,
                                             uint64_t membership) {
    const auto began = context_.cluster.loop().now();
    // What was assigned was lost while the application did not poll.
    if (membership != memberships_) co_return;
    const auto had = context_.table.places();
    std::vector<TopicPartition> taken;
    std::vector<TopicPartition> added;
    std::ranges::set_difference(had, given, std::back_inserter(taken));
    std::ranges::set_difference(given, had, std::back_inserter(added));
    if (!taken.empty()) co_await give_back_now(context_, std::move(taken), Change::revoked);
    if (membership != memberships_) co_return;  // fenced while the application gave back
    context_.table.assign(given);
    have_ = std::move(given);
    context_.link.stats.rebalance(began, context_.cluster.loop().now());
    LOG_INFO("client", "group {}: epoch {} with {} partitions", context_.link.group_id(), epoch_,
             have_.size());
    co_await tell(context_.listener, context_.link, Change::assigned, added);
}

// Leaving

runtime::Task<void> ConsumerMembership::leave_group(int32_t epoch, runtime::TimePoint deadline) {
    protocol::ConsumerGroupHeartbeatRequest request;
    request.group_id = context_.config.group_id;
    request.member_id = id_;
    request.member_epoch = epoch;
    if (!context_.config.group_instance_id.empty())
        request.instance_id = context_.config.group_instance_id;
    // When it does not arrive, the session ends by its timeout.
    (void)co_await context_.link.call(
        request,
        std::min(deadline, context_.cluster.after(context_.config.client.request_timeout)));
}

runtime::Task<void> ConsumerMembership::leave(runtime::TimePoint deadline) {
    tasks_.reset();
    context_.cluster.follow_all_topics(false);
    const bool member = !context_.identity.id.empty();
    context_.identity.id.clear();
    context_.identity.epoch = -1;
    if (member) co_await leave_group(leave_epoch(), deadline);
}

}  // namespace millrace::client
