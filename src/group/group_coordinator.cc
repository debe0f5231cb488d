#include "group/group_coordinator.h"

#include <set>

#include "base/log.h"
#include "group/partition_hash.h"
#include "group/shard.h"
#include "runtime/scope.h"

namespace millrace::group {

using coordinator::Access;
using coordinator::Lanes;
using protocol::Str;
using runtime::Task;

namespace {

// Deleted topics are looked for at most this often, however fast metadata changes.
constexpr int64_t kDeletedTopicsIntervalMs = 1'000;
constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

runtime::TimePoint time_point(int64_t mono_ms) {
    return runtime::TimePoint{std::chrono::milliseconds{mono_ms}};
}

}  // namespace

struct GroupCoordinator::Impl {
    Impl(runtime::Loop& l, GroupConfig c, std::shared_ptr<const ClusterView> view)
        : loop(l), config(std::move(c)), scope(l) {
        set_cluster(std::move(view));
    }

    runtime::Loop& loop;
    const GroupConfig config;
    std::shared_ptr<const ClusterView> cluster;
    int32_t offsets_partitions = 0;  // how many partitions __consumer_offsets has
    std::map<PartitionIndex, std::shared_ptr<Shard>> shards;
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
        offsets_partitions = topic && topic->partitions > 0 ? topic->partitions
                                                            : config.offsets_topic_num_partitions;
    }

    // The shard that keeps the group; not_coordinator, coordinator_load_in_progress.
    ErrorCode find(std::string_view group_id, std::shared_ptr<Shard>& out) const {
        auto at = shards.find(partition_for_group(group_id, offsets_partitions));
        if (at == shards.end() || at->second->state() == Shard::State::closed)
            return ErrorCode::not_coordinator;
        if (at->second->state() == Shard::State::loading)
            return ErrorCode::coordinator_load_in_progress;
        out = at->second;
        return ErrorCode::none;
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

namespace {

template <typename Reply>
Reply error_reply(ErrorCode error) {
    Reply reply;
    reply.error_code = wire(error);
    return reply;
}

}  // namespace

// Waits for the group, decides, and answers when the effects are committed.
template <typename Reply, typename Decide>
Task<Reply> GroupCoordinator::Impl::on_group(std::string_view group_id, Access access,
                                             Decide decide) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = find(group_id, shard); error != ErrorCode::none)
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
    if (ErrorCode error = find(group_id, shard); error != ErrorCode::none)
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

GroupCoordinator::GroupCoordinator(runtime::Loop& loop, GroupConfig config,
                                   std::shared_ptr<const ClusterView> cluster)
    : impl_(std::make_unique<Impl>(loop, std::move(config), std::move(cluster))) {}

GroupCoordinator::~GroupCoordinator() = default;

PartitionIndex GroupCoordinator::partition_for(std::string_view group_id) const {
    return partition_for_group(group_id, impl_->offsets_partitions);
}

Task<Result<void>> GroupCoordinator::load(PartitionIndex partition,
                                          coordinator::CoordinatorLog& log) {
    if (impl_->shards.contains(partition))
        co_return fail(ErrorCode::already_exists, "the partition is loaded already");
    auto shard =
        std::make_shared<Shard>(impl_->loop, impl_->scope, impl_->config, impl_->cluster, log);
    impl_->shards[partition] = shard;
    Result<void> loaded = co_await shard->load();
    auto at = impl_->shards.find(partition);
    if (!loaded && at != impl_->shards.end() && at->second == shard) impl_->shards.erase(at);
    if (loaded) impl_->wake.set();
    co_return loaded;
}

Task<void> GroupCoordinator::unload(PartitionIndex partition) {
    auto at = impl_->shards.find(partition);
    if (at == impl_->shards.end()) co_return;
    std::shared_ptr<Shard> shard = at->second;
    impl_->shards.erase(at);
    co_await shard->close();
}

void GroupCoordinator::on_metadata_changed(std::shared_ptr<const ClusterView> cluster) {
    impl_->set_cluster(cluster);
    for (auto& [partition, shard] : impl_->shards) shard->machine.set_cluster(cluster);
    impl_->metadata_changed = true;
    impl_->wake.set();
}

// --- time

Task<void> GroupCoordinator::Impl::fire(std::shared_ptr<Shard> shard, Timer timer) {
    std::string group_id = timer.group;
    co_await on_group_quietly(
        std::move(shard), group_id,
        [timer = std::move(timer)](GroupMachine& machine, Now now, Effects& effects) {
            machine.on_timer(timer, now, effects);
        });
}

Task<void> GroupCoordinator::Impl::clean(bool expire, bool deleted_topics) {
    std::vector<std::shared_ptr<Shard>> all;
    for (auto& [partition, shard] : shards) all.push_back(shard);
    for (std::shared_ptr<Shard>& shard : all) {
        if (!shard->active()) continue;
        for (const std::string& id : shard->machine.group_ids()) {
            if (stopping || !shard->active()) break;
            auto work = [=](GroupMachine& machine, Now now, Effects& effects) {
                if (deleted_topics) machine.remove_deleted_topics(id, effects);
                if (expire && effects.records.empty()) machine.clean_up(id, now, effects);
            };
            co_await on_group_quietly(shard, id, work);
            co_await loop.yield();
        }
    }
    cleaning = false;
}

runtime::TimePoint GroupCoordinator::Impl::next_deadline() const {
    runtime::TimePoint next = runtime::kNever;
    for (const auto& [partition, shard] : shards)
        if (std::optional<int64_t> at =
                shard->active() ? shard->machine.next_deadline() : std::nullopt)
            next = std::min(next, time_point(*at));
    return next;
}

void GroupCoordinator::Impl::fire_due() {
    for (auto& [partition, shard] : shards)
        if (shard->active())
            for (Timer& timer : shard->machine.take_due(shard->now()))
                scope.spawn(fire(shard, std::move(timer)));
}

Task<void> GroupCoordinator::run() {
    Impl& impl = *impl_;
    auto check_interval =
        std::chrono::milliseconds{impl.config.offsets_retention_check_interval_ms};
    auto deleted_interval = std::chrono::milliseconds{kDeletedTopicsIntervalMs};
    runtime::TimePoint next_expiry = impl.loop.now() + check_interval;
    runtime::TimePoint next_deleted = impl.loop.now();
    while (!impl.stopping) {
        impl.wake.reset();
        impl.fire_due();
        bool expire = impl.loop.now() >= next_expiry;
        bool deleted = impl.metadata_changed && impl.loop.now() >= next_deleted;
        if ((expire || deleted) && !impl.cleaning) {
            impl.cleaning = true;
            if (expire) next_expiry = impl.loop.now() + check_interval;
            if (deleted) {
                next_deleted = impl.loop.now() + deleted_interval;
                impl.metadata_changed = false;
            }
            impl.scope.spawn(impl.clean(expire, deleted));
        }
        impl.sleeping_until = std::min(impl.next_deadline(), next_expiry);
        if (impl.metadata_changed)
            impl.sleeping_until = std::min(impl.sleeping_until, next_deleted);
        // While a cleaning is under way its next time must not keep this awake.
        runtime::TimePoint soonest = impl.loop.now() + std::chrono::milliseconds{1};
        impl.sleeping_until = std::max(impl.sleeping_until, soonest);
        co_await impl.wake.wait_until(impl.loop, impl.sleeping_until);
    }
    co_await impl.scope.join();
}

void GroupCoordinator::stop() {
    impl_->stopping = true;
    impl_->wake.set();
}

// --- members

namespace {

// Old versions cannot say that there is no protocol.
protocol::JoinGroupResponse for_version(protocol::JoinGroupResponse response, int16_t version) {
    if (version < 7 && !response.protocol_name) response.protocol_name = Str{};
    return response;
}

}  // namespace

Task<protocol::JoinGroupResponse> GroupCoordinator::join_group(
    const RequestContext& context, const protocol::JoinGroupRequest& request) {
    std::shared_ptr<Shard> shard;
    if (impl_->find(request.group_id, shard) == ErrorCode::none &&
        shard->machine.is_empty_consumer_group(request.group_id))
        co_await impl_->on_group_quietly(
            shard, request.group_id.str(), [&](GroupMachine& machine, Now, Effects& effects) {
                machine.make_way_for_classic(request.group_id, effects);
            });
    auto decide = [&](GroupMachine& machine, Token token, Now now, Effects& effects) {
        return machine.join_group(context, request, token, now, effects);
    };
    auto response =
        co_await impl_->on_group_parking<protocol::JoinGroupResponse>(request.group_id, decide);
    if (response.error_code != 0 && response.member_id.empty())
        response.member_id = request.member_id.to_owned();
    co_return for_version(std::move(response), context.api_version);
}

Task<protocol::SyncGroupResponse> GroupCoordinator::sync_group(
    const RequestContext& context, const protocol::SyncGroupRequest& request) {
    // Since version 5 a member says which protocol it takes the assignment for.
    if (context.api_version >= 5 && (!request.protocol_type || !request.protocol_name))
        co_return error_reply<protocol::SyncGroupResponse>(ErrorCode::inconsistent_group_protocol);
    auto decide = [&](GroupMachine& machine, Token token, Now now, Effects& effects) {
        return machine.sync_group(request, token, now, effects);
    };
    co_return co_await impl_->on_group_parking<protocol::SyncGroupResponse>(request.group_id,
                                                                            decide);
}

Task<protocol::HeartbeatResponse> GroupCoordinator::heartbeat(
    const RequestContext&, const protocol::HeartbeatRequest& request) {
    auto decide = [&](GroupMachine& machine, Now now, Effects&) {
        return machine.heartbeat(request, now);
    };
    co_return co_await impl_->on_group<protocol::HeartbeatResponse>(request.group_id,
                                                                    Access::shared, decide);
}

Task<protocol::LeaveGroupResponse> GroupCoordinator::leave_group(
    const RequestContext& context, const protocol::LeaveGroupRequest& request) {
    // Before version 3 one member leaves, and its error is the response's.
    bool single = context.api_version < 3;
    protocol::LeaveGroupRequest batch = request;
    if (single) batch.members = {{.member_id = request.member_id}};
    auto decide = [&](GroupMachine& machine, Now now, Effects& effects) {
        return machine.leave_group(batch, now, effects);
    };
    auto response = co_await impl_->on_group<protocol::LeaveGroupResponse>(
        request.group_id, Access::exclusive, decide);
    if (single) {
        if (response.error_code == 0 && !response.members.empty())
            response.error_code = response.members.front().error_code;
        response.members.clear();
    }
    co_return response;
}

Task<protocol::ConsumerGroupHeartbeatResponse> GroupCoordinator::consumer_group_heartbeat(
    const RequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request) {
    auto decide = [&](GroupMachine& machine, Now now, Effects& effects) {
        return machine.consumer_group_heartbeat(context, request, now, effects);
    };
    co_return co_await impl_->on_group<protocol::ConsumerGroupHeartbeatResponse>(
        request.group_id, Access::exclusive, decide);
}

// --- offsets

namespace {

protocol::OffsetCommitResponse refuse_all(const protocol::OffsetCommitRequest& request,
                                          ErrorCode error) {
    protocol::OffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        out.topic_id = topic.topic_id;
        for (const auto& partition : topic.partitions)
            out.partitions.push_back({partition.partition_index, wire(error)});
    }
    return response;
}

// In commits the log's complaint about size is the client's business.
ErrorCode commit_error(ErrorCode error) {
    return error == ErrorCode::unknown_server_error ? ErrorCode::invalid_commit_offset_size : error;
}

}  // namespace

Task<protocol::OffsetCommitResponse> GroupCoordinator::offset_commit(
    const RequestContext& context, const protocol::OffsetCommitRequest& request) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = impl_->find(request.group_id, shard); error != ErrorCode::none)
        co_return refuse_all(request, error);
    Lanes::Stay stay = co_await shard->lanes.enter(request.group_id, Access::shared);
    if (!shard->active()) co_return refuse_all(request, ErrorCode::not_coordinator);
    Effects effects;
    auto response = shard->machine.offset_commit(context, request, shard->now(), effects);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    if (error != ErrorCode::none) co_return refuse_all(request, commit_error(error));
    co_return response;
}

Task<protocol::OffsetDeleteResponse> GroupCoordinator::offset_delete(
    const RequestContext&, const protocol::OffsetDeleteRequest& request) {
    auto decide = [&](GroupMachine& machine, Now, Effects& effects) {
        return machine.offset_delete(request, effects);
    };
    co_return co_await impl_->on_group<protocol::OffsetDeleteResponse>(request.group_id,
                                                                       Access::exclusive, decide);
}

namespace {

using FetchGroup = protocol::OffsetFetchRequest::OffsetFetchRequestGroup;

FetchGroup old_fetch(const protocol::OffsetFetchRequest& request) {
    FetchGroup group;
    group.group_id = request.group_id;
    group.topics.reset();
    if (request.topics) {
        group.topics.emplace();
        for (const auto& topic : *request.topics)
            group.topics->push_back(
                {.name = topic.name, .partition_indexes = topic.partition_indexes});
    }
    return group;
}

// Versions before 8: one group, its error in the response, and in version 1 in every partition.
void to_old(protocol::OffsetFetchResponse::OffsetFetchResponseGroup group,
            const protocol::OffsetFetchRequest& request, protocol::OffsetFetchResponse& response) {
    response.error_code = group.error_code;
    for (auto& topic : group.topics) {
        auto& out = response.topics.emplace_back();
        out.name = std::move(topic.name);
        for (auto& p : topic.partitions)
            out.partitions.push_back({p.partition_index, p.committed_offset,
                                      p.committed_leader_epoch, std::move(p.metadata),
                                      p.error_code});
    }
    if (group.error_code == 0 || !request.topics) return;
    for (const auto& topic : *request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        for (PartitionIndex index : topic.partition_indexes)
            out.partitions.push_back({index, -1, -1, Str{}, group.error_code});
    }
}

}  // namespace

Task<protocol::OffsetFetchResponse> GroupCoordinator::offset_fetch(
    const RequestContext& context, const protocol::OffsetFetchRequest& request) {
    bool by_id = context.api_version >= 10;
    auto fetch = [&](const FetchGroup& group) {
        std::shared_ptr<Shard> shard;
        ErrorCode error = impl_->find(group.group_id, shard);
        if (error == ErrorCode::none) return shard->machine.offsets().fetch(group, by_id);
        protocol::OffsetFetchResponse::OffsetFetchResponseGroup out;
        out.group_id = group.group_id.to_owned();
        out.error_code = wire(error);
        return out;
    };
    protocol::OffsetFetchResponse response;
    if (context.api_version < 8)
        to_old(fetch(old_fetch(request)), request, response);
    else
        for (const FetchGroup& group : request.groups) response.groups.push_back(fetch(group));
    co_return response;
}

// --- tools

Task<protocol::DeleteGroupsResponse> GroupCoordinator::delete_groups(
    const RequestContext&, const protocol::DeleteGroupsRequest& request) {
    struct Outcome {
        int16_t error_code = 0;
    };
    protocol::DeleteGroupsResponse response;
    std::set<std::string_view> seen;
    for (const Str& id : request.groups_names) {
        if (!seen.insert(id.view()).second) continue;
        auto decide = [&](GroupMachine& machine, Now, Effects& effects) {
            return Outcome{wire(machine.delete_group(id, effects))};
        };
        Outcome outcome = co_await impl_->on_group<Outcome>(id, Access::exclusive, decide);
        response.results.push_back({id.to_owned(), outcome.error_code});
    }
    co_return response;
}

Task<protocol::DescribeGroupsResponse> GroupCoordinator::describe_groups(
    const RequestContext& context, const protocol::DescribeGroupsRequest& request) {
    protocol::DescribeGroupsResponse response;
    for (const Str& id : request.groups) {
        std::shared_ptr<Shard> shard;
        if (ErrorCode error = impl_->find(id, shard); error != ErrorCode::none) {
            auto& out = response.groups.emplace_back();
            out.group_id = id.to_owned();
            out.error_code = wire(error);
        } else {
            response.groups.push_back(
                describe_classic(shard->machine.table(), id, context.api_version));
        }
    }
    co_return response;
}

Task<protocol::ConsumerGroupDescribeResponse> GroupCoordinator::consumer_group_describe(
    const RequestContext&, const protocol::ConsumerGroupDescribeRequest& request) {
    protocol::ConsumerGroupDescribeResponse response;
    for (const Str& id : request.group_ids) {
        std::shared_ptr<Shard> shard;
        if (ErrorCode error = impl_->find(id, shard); error != ErrorCode::none) {
            auto& out = response.groups.emplace_back();
            out.group_id = id.to_owned();
            out.error_code = wire(error);
        } else {
            response.groups.push_back(describe_consumer(shard->machine.table(), id));
        }
    }
    co_return response;
}

Task<protocol::ListGroupsResponse> GroupCoordinator::list_groups(
    const RequestContext&, const protocol::ListGroupsRequest& request) {
    protocol::ListGroupsResponse response;
    for (const auto& [partition, shard] : impl_->shards) {
        if (shard->state() == Shard::State::loading)
            response.error_code = wire(ErrorCode::coordinator_load_in_progress);
        else if (shard->active())
            group::list_groups(shard->machine.table(), request, response.groups);
    }
    co_return response;
}

void GroupCoordinator::each_committed_offset(
    const std::function<void(const CommittedOffset&)>& fn) const {
    for (const auto& [index, shard] : impl_->shards) {
        if (!shard->active()) continue;
        for (const auto& [group_id, topics] : shard->machine.table().offsets.groups())
            for (const auto& [topic, partitions] : topics)
                for (const auto& [partition, entry] : partitions)
                    fn({group_id, topic, partition, entry.offset, entry.commit_timestamp});
    }
}

}  // namespace millrace::group
