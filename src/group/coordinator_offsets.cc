// The requests about offsets, and those of tools.
#include <set>

#include "group/coordinator_impl.h"

namespace millrace::group {

using protocol::Str;

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
    if (ErrorCode error = impl_->shards.find(request.group_id, shard); error != ErrorCode::none)
        co_return refuse_all(request, error);
    Lanes::Stay stay = co_await shard->lanes.enter(request.group_id, Access::shared);
    if (!shard->active()) co_return refuse_all(request, ErrorCode::not_coordinator);
    Effects effects;
    auto response = shard->machine.offset_commit(context, request, shard->now(), effects);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    if (error != ErrorCode::none) co_return refuse_all(request, commit_error(error));
    co_return response;
}

namespace {

protocol::TxnOffsetCommitResponse refuse_all(const protocol::TxnOffsetCommitRequest& request,
                                             ErrorCode error) {
    protocol::TxnOffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        for (const auto& partition : topic.partitions)
            out.partitions.push_back({partition.partition_index, wire(error)});
    }
    return response;
}

}  // namespace

Task<protocol::TxnOffsetCommitResponse> GroupCoordinator::txn_offset_commit(
    const RequestContext& context, const protocol::TxnOffsetCommitRequest& request,
    const coordinator::TransactionalWriter& writer) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = impl_->shards.find(request.group_id, shard); error != ErrorCode::none)
        co_return refuse_all(request, error);
    Lanes::Stay stay = co_await shard->lanes.enter(request.group_id, Access::shared);
    if (!shard->active()) co_return refuse_all(request, ErrorCode::not_coordinator);
    Effects effects;
    effects.writer = writer;
    auto response = shard->machine.txn_offset_commit(context, request, shard->now(), effects);
    ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    if (error != ErrorCode::none) co_return refuse_all(request, commit_error(error));
    co_return response;
}

Task<ErrorCode> GroupCoordinator::end_transaction(PartitionIndex partition,
                                                  const coordinator::Marker& marker) {
    std::shared_ptr<Shard> shard;
    if (ErrorCode error = impl_->shards.at(partition, shard); error != ErrorCode::none)
        co_return error;
    co_return co_await shard->commit(marker);
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
    const OffsetProtocol::FetchOptions options{.by_id = context.api_version >= 10,
                                               .require_stable = request.require_stable};
    auto fetch = [&](const FetchGroup& group) {
        std::shared_ptr<Shard> shard;
        ErrorCode error = impl_->shards.find(group.group_id, shard);
        if (error == ErrorCode::none) return shard->machine.offsets().fetch(group, options);
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
        if (ErrorCode error = impl_->shards.find(id, shard); error != ErrorCode::none) {
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
        if (ErrorCode error = impl_->shards.find(id, shard); error != ErrorCode::none) {
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
