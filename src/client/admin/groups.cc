#include "client/admin.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/records/consumer_protocol_assignment.h"
#include "protocol/versioned.h"

namespace millrace::client {
namespace {

using protocol::Str;

template <typename Assignment>
std::vector<TopicPartition> partitions_of(const Assignment& assignment) {
    std::vector<TopicPartition> out;
    for (const auto& topic : assignment.topic_partitions)
        for (const PartitionIndex p : topic.partitions) out.push_back({topic.topic_name.str(), p});
    std::ranges::sort(out);
    return out;
}

// Group by topic what goes by partition.
template <typename T>
std::map<std::string, std::vector<std::pair<PartitionIndex, T>>> by_topic(
    const std::map<TopicPartition, T>& all) {
    std::map<std::string, std::vector<std::pair<PartitionIndex, T>>> out;
    for (const auto& [tp, value] : all) out[tp.topic].emplace_back(tp.partition, value);
    return out;
}

}  // namespace

runtime::Task<Result<void>> Admin::know_brokers(runtime::TimePoint until) {
    if (cluster_.metadata().brokers().empty()) CO_TRY_OK(co_await cluster_.update(until));
    co_return {};
}

runtime::Task<Result<std::vector<GroupListing>>> Admin::list_groups(
    std::vector<std::string> states, std::vector<std::string> types) {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    protocol::ListGroupsRequest request;
    for (const std::string& state : states) request.states_filter.push_back(Str::borrow(state));
    for (const std::string& type : types) request.types_filter.push_back(Str::borrow(type));
    std::vector<NodeId> nodes;
    for (const auto& [id, broker] : cluster_.metadata().brokers()) nodes.push_back(id);
    std::map<std::string, GroupListing> found;
    for (const NodeId node : nodes) {
        for (int failures = 0;; ++failures) {
            const auto reply = co_await cluster_.call(node, request, until);
            if (!reply) co_return reply.error();
            const Error error = said_error((*reply)->error_code);
            if (moved_or_loading(error.code)) {
                CO_TRY_OK(co_await cluster_.pause(failures, until, error));
                continue;
            }
            if (error.code != ErrorCode::none) co_return error;
            for (const auto& group : (*reply)->groups)
                found[group.group_id.str()] = {group.group_id.str(), group.protocol_type.str(),
                                               group.group_state.str(), group.group_type.str()};
            break;
        }
    }
    std::vector<GroupListing> out;
    for (auto& [id, listing] : found) out.push_back(std::move(listing));
    co_return out;
}

runtime::Task<Result<std::vector<GroupDescription>>> Admin::describe_groups(
    std::vector<std::string> ids) {
    std::vector<GroupDescription> out;
    for (const std::string& id : ids) {
        auto described = co_await describe_consumer_group(id);
        // It is of the classic protocol, or the broker knows no other.
        if (described.code() == ErrorCode::unsupported_version ||
            (described && (described->error.code == ErrorCode::group_id_not_found ||
                           described->error.code == ErrorCode::unsupported_version)))
            described = co_await describe_classic_group(id);
        if (!described) co_return described.error();
        co_await name_coordinator(*described);
        out.push_back(*std::move(described));
    }
    co_return out;
}

runtime::Task<Result<GroupDescription>> Admin::describe_consumer_group(std::string id) {
    protocol::ConsumerGroupDescribeRequest request;
    request.group_ids = {Str::borrow(id)};
    CO_TRY(const auto reply, co_await call_coordinator(
                                 CoordinatorType::group, id, request,
                                 group_error<protocol::ConsumerGroupDescribeResponse>, INT16_MAX));
    if (reply->groups.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->groups[0];
    GroupDescription out{.id = id,
                         .error = said_error(said.error_code, said.error_message),
                         .type = "Consumer",
                         .state = said.group_state.str(),
                         .protocol_type = "consumer",
                         .assignor = said.assignor_name.str(),
                         .epoch = said.group_epoch,
                         .target_epoch = said.assignment_epoch};
    for (const auto& member : said.members) {
        MemberDescription& one = out.members.emplace_back();
        one.id = member.member_id.str();
        if (member.instance_id) one.instance_id = member.instance_id->str();
        if (member.rack_id) one.rack = member.rack_id->str();
        one.client_id = member.client_id.str();
        one.host = member.client_host.str();
        one.assigned = partitions_of(member.assignment);
        one.target = partitions_of(member.target_assignment);
        one.epoch = member.member_epoch;
        one.target_epoch = said.assignment_epoch;
        one.classic = member.member_type == 0;
    }
    co_return out;
}

runtime::Task<Result<GroupDescription>> Admin::describe_classic_group(std::string id) {
    protocol::DescribeGroupsRequest request;
    request.groups = {Str::borrow(id)};
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, id, request,
                                     group_error<protocol::DescribeGroupsResponse>, INT16_MAX));
    if (reply->groups.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->groups[0];
    GroupDescription out{.id = id,
                         .error = said_error(said.error_code, said.error_message),
                         .type = "Classic",
                         .state = said.group_state.str(),
                         .protocol_type = said.protocol_type.str(),
                         .assignor = said.protocol_data.str()};
    for (const auto& member : said.members) {
        MemberDescription& one = out.members.emplace_back();
        one.id = member.member_id.str();
        if (member.group_instance_id) one.instance_id = member.group_instance_id->str();
        one.client_id = member.client_id.str();
        one.host = member.client_host.str();
        if (member.member_assignment.empty()) continue;
        // Groups of other protocols put into it what they like.
        const auto assignment = protocol::decode_versioned<protocol::ConsumerProtocolAssignment>(
            member.member_assignment, protocol::Newer::read_as_latest);
        if (!assignment) continue;
        for (const auto& topic : assignment->assigned_partitions)
            for (const PartitionIndex p : topic.partitions)
                one.assigned.push_back({topic.topic.str(), p});
        std::ranges::sort(one.assigned);
    }
    co_return out;
}

runtime::Task<Result<GroupOffsets>> Admin::committed_offsets(std::string group) {
    protocol::OffsetFetchRequest request;
    request.group_id = Str::borrow(group);
    request.topics = std::nullopt;  // all
    // From version 8 on several groups are asked for at once, in another form.
    constexpr int16_t kOneGroup = 7;
    const auto code = [](const protocol::OffsetFetchResponse& body) { return body.error_code; };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request, code, kOneGroup));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    GroupOffsets out;
    for (const auto& topic : reply->topics)
        for (const auto& p : topic.partitions)
            out[{topic.name.str(), p.partition_index}] = {
                p.committed_offset, p.committed_leader_epoch,
                p.metadata ? p.metadata->str() : std::string{}, said_error(p.error_code)};
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::delete_groups(std::vector<std::string> ids) {
    std::vector<Outcome> out;
    for (const std::string& id : ids) {
        protocol::DeleteGroupsRequest request;
        request.groups_names = {Str::borrow(id)};
        const auto code = [](const protocol::DeleteGroupsResponse& body) {
            return body.results.empty() ? int16_t{0} : body.results[0].error_code;
        };
        CO_TRY(const auto reply,
               co_await call_coordinator(CoordinatorType::group, id, request, code, INT16_MAX));
        for (const auto& result : reply->results)
            out.push_back({id, said_error(result.error_code)});
    }
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Error>>> Admin::commit_offsets(
    std::string group, std::map<TopicPartition, Offset> offsets) {
    protocol::OffsetCommitRequest request;
    request.group_id = Str::borrow(group);
    const auto topics = by_topic(offsets);
    for (const auto& [topic, partitions] : topics) {
        auto& one = request.topics.emplace_back();
        one.name = Str::borrow(topic);
        for (const auto& [partition, offset] : partitions)
            one.partitions.push_back({partition, offset, -1, Str::borrow("")});
    }
    // From version 10 on topics go by id.
    constexpr int16_t kByName = 9;
    const auto code = [](const protocol::OffsetCommitResponse& body) {
        for (const auto& topic : body.topics)
            for (const auto& p : topic.partitions)
                if (moved_or_loading(static_cast<ErrorCode>(p.error_code))) return p.error_code;
        return int16_t{0};
    };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request, code, kByName));
    std::map<TopicPartition, Error> out;
    for (const auto& topic : reply->topics)
        for (const auto& p : topic.partitions)
            out[{topic.name.str(), p.partition_index}] = said_error(p.error_code);
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Error>>> Admin::delete_offsets(
    std::string group, std::vector<TopicPartition> partitions) {
    protocol::OffsetDeleteRequest request;
    request.group_id = Str::borrow(group);
    std::map<std::string, std::vector<PartitionIndex>> topics;
    for (const TopicPartition& tp : partitions) topics[tp.topic].push_back(tp.partition);
    for (const auto& [topic, indexes] : topics) {
        auto& one = request.topics.emplace_back();
        one.name = Str::borrow(topic);
        for (const PartitionIndex p : indexes) one.partitions.push_back({p});
    }
    const auto code = [](const protocol::OffsetDeleteResponse& body) { return body.error_code; };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request, code, INT16_MAX));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    std::map<TopicPartition, Error> out;
    for (const auto& topic : reply->topics)
        for (const auto& p : topic.partitions)
            out[{topic.name.str(), p.partition_index}] = said_error(p.error_code);
    co_return out;
}

}  // namespace millrace::client
