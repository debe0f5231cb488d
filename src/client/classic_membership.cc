#include "client/classic_membership.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "client/backoff.h"
#include "client/classic_protocol.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/sync_group.h"

namespace millrace::client {

ClassicMembership::ClassicMembership(MembershipContext context)
    : context_(std::move(context)),
      leader_(context_.cluster),
      last_poll_(context_.cluster.loop().now()) {
    if (context_.config.assignor_factory)
        assignors_.push_back(context_.config.assignor_factory());
    else
        for (const std::string& name : context_.config.assignors)
            assignors_.push_back(make_assignor(name));
    cooperative_ = std::ranges::all_of(assignors_, [](const auto& a) { return a->cooperative(); });
    last_alive_ = last_poll_;
    context_.identity = {.id = {},
                         .epoch = -1,
                         .instance_id = context_.config.group_instance_id,
                         .subscribed = true};
    tasks_.emplace(context_.cluster.loop());
    tasks_->spawn(keep_joined());
    tasks_->spawn(keep_alive());
    tasks_->spawn(watch_topics());
}

void ClassicMembership::subscribe(Subscription wanted) {
    wanted_ = std::move(wanted);
    context_.cluster.follow_all_topics(wanted_.pattern.has_value());
    want_rejoin();
}

void ClassicMembership::polled() {
    last_poll_ = context_.cluster.loop().now();
    if (std::exchange(expired_, false)) wake_.set();
}

bool ClassicMembership::enforce_rebalance(std::string reason) {
    // One that is under way is as good.
    if (context_.identity.rebalancing) return true;
    rejoin_reason_ = std::move(reason);
    want_rejoin();
    return true;
}

void ClassicMembership::want_rejoin() {
    rejoin_wanted_ = true;
    wake_.set();
}

Assignor* ClassicMembership::find(std::string_view name) const {
    for (const auto& a : assignors_)
        if (a->name() == name) return a.get();
    return nullptr;
}

std::vector<std::string> ClassicMembership::wanted_topics() const {
    if (!wanted_.pattern) return wanted_.topics;
    std::vector<std::string> out;
    for (const auto& [name, topic] : context_.cluster.metadata().topics()) {
        if (topic->internal && context_.config.exclude_internal_topics) continue;
        if (wanted_.pattern->matches(name)) out.push_back(name);
    }
    return out;
}

// Joining

runtime::TimePoint ClassicMembership::join_deadline() const {
    // The coordinator may keep a join until all members have come, for as long as they may take.
    constexpr std::chrono::seconds kMore{5};
    return context_.cluster.after(std::max<std::chrono::milliseconds>(
        context_.config.client.request_timeout, context_.config.max_poll_interval + kMore));
}

runtime::Task<void> ClassicMembership::keep_joined() {
    runtime::Loop& loop = context_.cluster.loop();
    int failures = 0;
    for (;;) {
        while (!rejoin_wanted_ || expired_ || wanted_.empty()) {
            wake_.reset();
            co_await wake_.wait();
        }
        rejoin_wanted_ = false;
        const auto began = context_.cluster.loop().now();
        const auto joined = co_await rejoin();
        context_.identity.rebalancing = false;
        if (joined)
            context_.link.stats.rebalance(began, context_.cluster.loop().now());
        else
            context_.link.stats.rebalance_failed(context_.cluster.loop().now());
        if (joined) {
            failures = 0;
            continue;
        }
        LOG_INFO("client", "group {}: {}", context_.link.group_id(), joined.error().describe());
        rejoin_wanted_ = true;
        if (recover(joined.error())) {
            // These say what to do differently; nothing is gained by waiting.
            const bool at_once = joined.code() == ErrorCode::member_id_required ||
                                 joined.code() == ErrorCode::unknown_member_id ||
                                 joined.code() == ErrorCode::illegal_generation ||
                                 joined.code() == ErrorCode::rebalance_in_progress;
            if (at_once && failures++ < 3) continue;
        } else {
            context_.table.raise(joined.error());
            if (joined.code() == ErrorCode::fenced_instance_id) {
                rejoin_wanted_ = false;  // somebody else is this member now
                continue;
            }
        }
        co_await loop.sleep_for(backoff(context_.config.client.retry_backoff,
                                        context_.config.client.retry_backoff_max, failures++,
                                        loop.rng()));
    }
}

bool ClassicMembership::recover(const Error& error) {
    switch (error.code) {
        case ErrorCode::member_id_required:
        case ErrorCode::rebalance_in_progress:
            return true;
        case ErrorCode::unknown_member_id:
            lose_generation(false);
            return true;
        case ErrorCode::illegal_generation:
            lose_generation(true);
            return true;
        case ErrorCode::fenced_instance_id:
            lose_generation(false);
            return false;
        default:
            return context_.link.worth_retrying(error.code);
    }
}

void ClassicMembership::lose_generation(bool keep_id) {
    context_.identity.epoch = -1;
    if (!keep_id) context_.identity.id.clear();
    if (!context_.table.all().empty()) lost_ = true;
    for (const auto& [place, p] : context_.table.all()) p->leaving = true;
}

runtime::Task<Result<void>> ClassicMembership::rejoin() {
    co_await give_back();
    if (wanted_.pattern && context_.cluster.metadata().topics().empty())
        CO_TRY_OK(co_await context_.cluster.update(
            context_.cluster.after(context_.config.client.request_timeout)));
    context_.identity.rebalancing = true;
    auto joined = co_await join();
    if (!joined) co_return joined.error();
    const auto code = static_cast<ErrorCode>((*joined)->error_code);
    if (code == ErrorCode::member_id_required) context_.identity.id = (*joined)->member_id.str();
    if (code != ErrorCode::none) co_return fail(code, "joining");
    const std::string protocol = (*joined)->protocol_name ? (*joined)->protocol_name->str() : "";
    chosen_ = find(protocol);
    if (!chosen_)
        co_return fail(ErrorCode::inconsistent_group_protocol,
                       "the group chose an assignor that this member did not name");
    context_.identity.id = (*joined)->member_id.str();
    context_.identity.epoch = (*joined)->generation_id;
    rejoin_reason_.clear();
    leader_.resign();
    GroupShares shares;
    if ((*joined)->leader == (*joined)->member_id && !(*joined)->skip_assignment) {
        CO_TRY(shares, co_await leader_.share_out((*joined).body, *chosen_));
    }
    CO_TRY(auto given, co_await sync(protocol, std::move(shares)));
    context_.identity.rebalancing = false;
    last_alive_ = context_.cluster.loop().now();
    chosen_->assigned(given, context_.identity.epoch);
    co_await context_.gate.run(take(std::move(given), context_.identity.epoch));
    co_return {};
}

runtime::Task<Result<Reply<protocol::JoinGroupResponse>>> ClassicMembership::join() {
    const ConsumerConfig& config = context_.config;
    joined_topics_ = wanted_topics();
    protocol::JoinGroupRequest request;
    request.group_id = config.group_id;
    request.session_timeout_ms = static_cast<int32_t>(config.session_timeout.count());
    request.rebalance_timeout_ms = static_cast<int32_t>(config.max_poll_interval.count());
    request.member_id = context_.identity.id;
    if (!config.group_instance_id.empty()) request.group_instance_id = config.group_instance_id;
    request.protocol_type = "consumer";
    if (!rejoin_reason_.empty()) request.reason = protocol::Str(rejoin_reason_);
    GroupMember self{.id = {}, .topics = joined_topics_};
    if (cooperative_) {
        self.owned = context_.table.places();
        self.generation = context_.identity.epoch;
    }
    if (!config.client_rack.empty()) self.rack = config.client_rack;
    for (const auto& assignor : assignors_) {
        self.user_data = assignor->user_data();
        auto& protocol = request.protocols.emplace_back();
        protocol.name = assignor->name();
        protocol.metadata = protocol::Blob(encode_subscription(self));
    }
    const auto began = context_.cluster.loop().now();
    auto reply = co_await context_.link.call(request, join_deadline());
    if (reply && (*reply)->error_code == 0)
        context_.link.stats.join.done(began, context_.cluster.loop().now());
    co_return std::move(reply);
}

runtime::Task<Result<std::vector<TopicPartition>>> ClassicMembership::sync(std::string protocol,
                                                                           GroupShares shares) {
    protocol::SyncGroupRequest request;
    request.group_id = context_.config.group_id;
    request.generation_id = context_.identity.epoch;
    request.member_id = context_.identity.id;
    if (!context_.config.group_instance_id.empty())
        request.group_instance_id = context_.config.group_instance_id;
    request.protocol_type = "consumer";
    request.protocol_name = protocol;
    for (auto& [id, share] : shares) {
        auto& assignment = request.assignments.emplace_back();
        assignment.member_id = id;
        assignment.assignment = protocol::Blob(share);
    }
    const auto began = context_.cluster.loop().now();
    CO_TRY(const auto reply, co_await context_.link.call(request, join_deadline()));
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code, "syncing");
    context_.link.stats.sync.done(began, context_.cluster.loop().now());
    co_return decode_assignment(reply->assignment);
}

// What the application is told

runtime::Task<void> ClassicMembership::give_back() {
    std::vector<TopicPartition> places;
    const auto topics = wanted_topics();
    for (const auto& [place, p] : context_.table.all()) {
        const bool wanted = std::ranges::binary_search(topics, place.topic);
        if (lost_ || !cooperative_ || !wanted) places.push_back(place);
    }
    const Change how = std::exchange(lost_, false) ? Change::lost : Change::revoked;
    if (!places.empty())
        co_await context_.gate.run(give_back_now(context_, std::move(places), how));
}

runtime::Task<void> ClassicMembership::take(std::vector<TopicPartition> given, int32_t generation) {
    // The generation was lost while the application did not poll.
    if (context_.identity.epoch != generation) co_return;
    std::ranges::sort(given);
    const auto had = context_.table.places();
    std::vector<TopicPartition> taken;
    std::vector<TopicPartition> added;
    std::ranges::set_difference(had, given, std::back_inserter(taken));
    std::ranges::set_difference(given, had, std::back_inserter(added));
    if (!taken.empty()) {
        co_await give_back_now(context_, std::move(taken), Change::revoked);
        // Only now are they free for others.
        want_rejoin();
        if (context_.identity.epoch != generation) co_return;
    }
    context_.table.assign(given);
    LOG_INFO("client", "group {}: generation {} with {} partitions", context_.link.group_id(),
             context_.identity.epoch, given.size());
    co_await tell(context_.listener, context_.link, Change::assigned, added);
}

// Staying

runtime::Task<void> ClassicMembership::keep_alive() {
    runtime::Loop& loop = context_.cluster.loop();
    for (;;) {
        co_await loop.sleep_for(context_.config.heartbeat_interval);
        if (context_.identity.id.empty() || context_.identity.epoch < 0 ||
            context_.identity.rebalancing)
            continue;
        if (!context_.in_poll() && loop.now() - last_poll_ > context_.config.max_poll_interval) {
            LOG_WARN("client",
                     "group {}: leaving, as poll() was not called for max.poll.interval.ms",
                     context_.link.group_id());
            expired_ = true;
            const std::string id = context_.identity.id;
            lose_generation(false);
            want_rejoin();
            co_await leave_group(id, "poll() was not called for max.poll.interval.ms",
                                 context_.cluster.after(context_.config.client.request_timeout));
            continue;
        }
        co_await heartbeat();
    }
}

runtime::Task<void> ClassicMembership::heartbeat() {
    protocol::HeartbeatRequest request;
    request.group_id = context_.config.group_id;
    request.generation_id = context_.identity.epoch;
    request.member_id = context_.identity.id;
    if (!context_.config.group_instance_id.empty())
        request.group_instance_id = context_.config.group_instance_id;
    const auto patience =
        std::min(context_.config.session_timeout, context_.config.client.request_timeout);
    const auto began = context_.cluster.loop().now();
    const auto reply = co_await context_.link.call(request, context_.cluster.after(patience));
    if (reply) context_.link.stats.heartbeat(began, context_.cluster.loop().now());
    // Another generation by now: its fate is not that of this one.
    if (context_.identity.rebalancing || request.generation_id != context_.identity.epoch ||
        request.member_id != context_.identity.id)
        co_return;
    const ErrorCode code =
        reply ? static_cast<ErrorCode>((*reply)->error_code) : reply.error().code;
    if (code == ErrorCode::none) {
        last_alive_ = context_.cluster.loop().now();
        co_return;
    }
    if (code == ErrorCode::rebalance_in_progress) {
        last_alive_ = context_.cluster.loop().now();
        want_rejoin();
        co_return;
    }
    if (!recover(fail(code))) {
        context_.table.raise(fail(code, "heartbeat"));
        co_return;
    }
    const auto silent = context_.cluster.loop().now() - last_alive_;
    if (context_.identity.epoch < 0 || silent > context_.config.session_timeout) {
        if (context_.identity.epoch >= 0) lose_generation(false);
        want_rejoin();
    }
}

// Joins again when the topics changed under the group.
runtime::Task<void> ClassicMembership::watch_topics() {
    runtime::Subscriber waiting{context_.cluster.loop()};
    waiting.subscribe(context_.cluster.metadata_changed());
    for (;;) {
        co_await waiting.wait();
        if (context_.identity.rebalancing || context_.identity.epoch < 0) continue;
        const bool changed = wanted_.pattern && wanted_topics() != joined_topics_;
        if (changed || leader_.outdated()) want_rejoin();
    }
}

runtime::Task<void> ClassicMembership::leave(runtime::TimePoint deadline) {
    const bool was_joining = std::exchange(context_.identity.rebalancing, false);
    tasks_.reset();
    context_.cluster.follow_all_topics(false);
    const std::string id = std::exchange(context_.identity.id, {});
    context_.identity.epoch = -1;
    // An answer that is still to come would keep this one waiting.
    if (was_joining) context_.link.disconnect();
    if (!id.empty())
        co_await leave_group(
            id, "the consumer is closing",
            std::min(deadline, context_.cluster.after(context_.config.client.request_timeout)));
}

// A static member stays until its session ends. So does another whose request does not arrive.
runtime::Task<void> ClassicMembership::leave_group(std::string id, std::string reason,
                                                   runtime::TimePoint deadline) {
    constexpr int16_t kManyMembers = 3;
    if (!context_.config.group_instance_id.empty()) co_return;
    const auto connection = co_await context_.link.connection(deadline);
    if (!connection) co_return;
    const auto version = (*connection)->versions().pick(protocol::ApiKey::leave_group);
    if (!version) co_return;
    protocol::LeaveGroupRequest request;
    request.group_id = context_.config.group_id;
    if (*version >= kManyMembers) {
        auto& member = request.members.emplace_back();
        member.member_id = id;
        member.reason = protocol::Str(reason);
    } else {
        request.member_id = id;
    }
    const auto left = co_await context_.link.call(request, deadline);
    if (!left)
        LOG_INFO("client", "group {}: could not leave: {}", context_.link.group_id(),
                 left.error().describe());
}

}  // namespace millrace::client
