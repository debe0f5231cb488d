// Inside the room: what the request files of the coordinator share. The way of every input to its
// reply is on_group().
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "coordinator/shards.h"
#include "group/group_coordinator.h"
#include "group/machine.h"
#include "runtime/scope.h"

namespace millrace::group {

using coordinator::Access;
using coordinator::Lanes;
using Shard = coordinator::Shard<GroupMachine>;
using runtime::Task;

constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

inline runtime::TimePoint time_point(int64_t mono_ms) {
    return runtime::TimePoint{std::chrono::milliseconds{mono_ms}};
}

struct GroupCoordinator::Impl {
    Impl(runtime::Loop& l, GroupConfig c, std::shared_ptr<const ClusterView> view)
        : loop(l), config(std::move(c)), scope(l) {
        set_cluster(std::move(view));
    }

    runtime::Loop& loop;
    const GroupConfig config;
    std::shared_ptr<const ClusterView> cluster;
    coordinator::Shards<GroupMachine> shards;
    runtime::Scope scope;  // commits, timers and cleaning that run beside requests
    runtime::Event wake;   // run() must look at the deadlines again
    runtime::TimePoint sleeping_until = runtime::kNever;
    bool stopping = false;
    bool cleaning = false;
    bool metadata_changed = false;

    int64_t mono_ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(loop.now().time_since_epoch())
            .count();
    }

    void set_cluster(std::shared_ptr<const ClusterView> view) {
        cluster = std::move(view);
        auto topic = cluster->topic(kOffsetsTopic);
        shards.partition_count = topic && topic->partitions > 0
                                     ? topic->partitions
                                     : config.offsets_topic_num_partitions;
    }

    void timers_changed(const Shard& shard) {
        std::optional<int64_t> next = shard.machine.next_deadline();
        if (next && time_point(*next) < sleeping_until) wake.set();
    }

    template <typename Reply, typename Decide>
    Task<Reply> on_group(std::string_view group_id, Access access, Decide decide);
    template <typename Reply, typename Decide>
    Task<Reply> on_group_parking(std::string_view group_id, Decide decide);
    template <typename Decide>
    Task<void> on_group_quietly(std::shared_ptr<Shard> shard, std::string group_id, Decide decide);

    Task<void> fire(std::shared_ptr<Shard> shard, Timer timer);
    Task<void> clean(bool expire, bool deleted_topics);
    runtime::TimePoint next_deadline() const;
    void fire_due();
};

template <typename Reply>
Reply error_reply(ErrorCode error) {
    Reply reply;
    reply.error_code = wire(error);
    return reply;
}

// Waits for the group, decides, and answers when the effects are committed.
template <typename Reply, typename Decide>
Task<Reply> GroupCoordinator::Impl::on_group(std::string_view group_id, Access access,
                                             Decide decide) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = shards.find(group_id, shard); error != ErrorCode::none)
        co_return error_reply<Reply>(error);
    Lanes::Stay stay = co_await shard->lanes.enter(group_id, access);
    if (!shard->active()) co_return error_reply<Reply>(ErrorCode::not_coordinator);
    Effects effects;
    Reply reply = decide(shard->machine, shard->now(), effects);
    timers_changed(*shard);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    timers_changed(*shard);
    if (error != ErrorCode::none) co_return error_reply<Reply>(error);
    co_return reply;
}

// The same for what may have to wait for other members.
template <typename Reply, typename Decide>
Task<Reply> GroupCoordinator::Impl::on_group_parking(std::string_view group_id, Decide decide) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = shards.find(group_id, shard); error != ErrorCode::none)
        co_return error_reply<Reply>(error);
    Lanes::Stay stay = co_await shard->lanes.enter(group_id, Access::exclusive);
    if (!shard->active()) co_return error_reply<Reply>(ErrorCode::not_coordinator);
    Effects effects;
    Shard::Slot slot{shard};
    std::optional<Reply> reply = decide(shard->machine, slot.token(), shard->now(), effects);
    timers_changed(*shard);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    timers_changed(*shard);
    if (error != ErrorCode::none && !slot.reply) co_return error_reply<Reply>(error);
    if (reply) co_return *std::move(reply);
    co_await slot.ready.wait();
    if (!slot.reply) co_return error_reply<Reply>(ErrorCode::not_coordinator);
    co_return std::get<Reply>(*std::move(slot.reply));
}

// For what nobody waits for.
template <typename Decide>
Task<void> GroupCoordinator::Impl::on_group_quietly(std::shared_ptr<Shard> shard,
                                                    std::string group_id, Decide decide) {
    if (!shard->active()) co_return;
    Lanes::Stay stay = co_await shard->lanes.enter(group_id, Access::exclusive);
    if (!shard->active()) co_return;
    Effects effects;
    decide(shard->machine, shard->now(), effects);
    timers_changed(*shard);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    if (error != ErrorCode::none)
        LOG_WARN("group", "a change of group {} was not committed: {}", group_id,
                 error_name(error));
    timers_changed(*shard);
}

}  // namespace millrace::group
