#include "client/admin/share_groups.h"

#include "client/admin.h"
#include "protocol/messages/alter_share_group_offsets.h"
#include "protocol/messages/delete_share_group_offsets.h"
#include "protocol/messages/describe_share_group_offsets.h"
#include "protocol/messages/share_group_describe.h"
#include "protocol/messages/streams_group_describe.h"

namespace millrace::client {
namespace {

using protocol::Str;

std::vector<std::string> names_of(const std::vector<Str>& names) {
    std::vector<std::string> out;
    for (const Str& name : names) out.push_back(name.str());
    return out;
}

template <typename Topics>
std::vector<std::string> names_of_topics(const Topics& topics) {
    std::vector<std::string> out;
    for (const auto& topic : topics) out.push_back(topic.name.str());
    return out;
}

template <typename Ids>
std::vector<StreamsTasks> tasks_of(const Ids& ids) {
    std::vector<StreamsTasks> out;
    for (const auto& one : ids) out.push_back({one.subtopology_id.str(), one.partitions});
    return out;
}

template <typename Assignment>
StreamsAssignment assignment_of(const Assignment& said) {
    return {tasks_of(said.active_tasks), tasks_of(said.standby_tasks), tasks_of(said.warmup_tasks)};
}

}  // namespace

runtime::Task<Result<std::vector<GroupDescription>>> Admin::describe_share_groups(
    std::vector<std::string> ids) {
    std::vector<GroupDescription> out;
    for (const std::string& id : ids) {
        CO_TRY(out.emplace_back(), co_await describe_share_group(id));
        co_await name_coordinator(out.back());
    }
    co_return out;
}

runtime::Task<Result<GroupDescription>> Admin::describe_share_group(std::string id) {
    protocol::ShareGroupDescribeRequest request;
    request.group_ids = {Str::borrow(id)};
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, id, request,
                                     group_error<protocol::ShareGroupDescribeResponse>, INT16_MAX));
    if (reply->groups.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->groups[0];
    GroupDescription out{.id = id,
                         .error = said_error(said.error_code, said.error_message),
                         .type = "Share",
                         .state = said.group_state.str(),
                         .protocol_type = "share",
                         .assignor = said.assignor_name.str(),
                         .epoch = said.group_epoch,
                         .target_epoch = said.assignment_epoch};
    for (const auto& member : said.members) {
        MemberDescription& one = out.members.emplace_back();
        one.id = member.member_id.str();
        if (member.rack_id) one.rack = member.rack_id->str();
        one.client_id = member.client_id.str();
        one.host = member.client_host.str();
        one.epoch = member.member_epoch;
        for (const auto& topic : member.assignment.topic_partitions)
            for (const PartitionIndex p : topic.partitions)
                one.assigned.push_back({topic.topic_name.str(), p});
        std::ranges::sort(one.assigned);
    }
    co_return out;
}

runtime::Task<Result<std::vector<StreamsGroupDescription>>> Admin::describe_streams_groups(
    std::vector<std::string> ids) {
    std::vector<StreamsGroupDescription> out;
    for (const std::string& id : ids) {
        CO_TRY(out.emplace_back(), co_await describe_streams_group(id));
        co_await name_coordinator(out.back());
    }
    co_return out;
}

runtime::Task<Result<StreamsGroupDescription>> Admin::describe_streams_group(std::string id) {
    protocol::StreamsGroupDescribeRequest request;
    request.group_ids = {Str::borrow(id)};
    CO_TRY(const auto reply, co_await call_coordinator(
                                 CoordinatorType::group, id, request,
                                 group_error<protocol::StreamsGroupDescribeResponse>, INT16_MAX));
    if (reply->groups.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->groups[0];
    StreamsGroupDescription out{.id = id,
                                .error = said_error(said.error_code, said.error_message),
                                .state = said.group_state.str(),
                                .epoch = said.group_epoch,
                                .target_epoch = said.assignment_epoch};
    if (said.topology) {
        out.topology_epoch = said.topology->epoch;
        if (said.topology->subtopologies)
            for (const auto& one : *said.topology->subtopologies)
                out.topology.push_back({one.subtopology_id.str(), names_of(one.source_topics),
                                        names_of_topics(one.repartition_source_topics),
                                        names_of_topics(one.state_changelog_topics)});
    }
    for (const auto& member : said.members)
        out.members.push_back({.id = member.member_id.str(),
                               .process = member.process_id.str(),
                               .client_id = member.client_id.str(),
                               .host = member.client_host.str(),
                               .epoch = member.member_epoch,
                               .topology_epoch = member.topology_epoch,
                               .assigned = assignment_of(member.assignment),
                               .target = assignment_of(member.target_assignment),
                               .classic = member.is_classic});
    co_return out;
}

runtime::Task<Result<ShareOffsets>> Admin::share_offsets(std::string group) {
    protocol::DescribeShareGroupOffsetsRequest request;
    auto& asked = request.groups.emplace_back();
    asked.group_id = Str::borrow(group);
    asked.topics = std::nullopt;  // all
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request,
                                     group_error<protocol::DescribeShareGroupOffsetsResponse>,
                                     INT16_MAX));
    if (reply->groups.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->groups[0];
    if (said.error_code != 0) co_return said_error(said.error_code, said.error_message);
    ShareOffsets out;
    for (const auto& topic : said.topics)
        for (const auto& p : topic.partitions)
            out[{topic.topic_name.str(), p.partition_index}] = {
                p.start_offset, p.leader_epoch, p.lag, said_error(p.error_code, p.error_message)};
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Error>>> Admin::alter_share_offsets(
    std::string group, std::map<TopicPartition, Offset> starts) {
    protocol::AlterShareGroupOffsetsRequest request;
    request.group_id = Str::borrow(group);
    for (const auto& [tp, start] : starts) {
        if (request.topics.empty() ||
            std::string_view{request.topics.back().topic_name} != tp.topic)
            request.topics.emplace_back().topic_name = Str::borrow(tp.topic);
        request.topics.back().partitions.push_back({tp.partition, start});
    }
    const auto code = [](const protocol::AlterShareGroupOffsetsResponse& body) {
        return body.error_code;
    };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request, code, INT16_MAX));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::map<TopicPartition, Error> out;
    for (const auto& topic : reply->responses)
        for (const auto& p : topic.partitions)
            out[{topic.topic_name.str(), p.partition_index}] =
                said_error(p.error_code, p.error_message);
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::delete_share_offsets(
    std::string group, std::vector<std::string> topics) {
    protocol::DeleteShareGroupOffsetsRequest request;
    request.group_id = Str::borrow(group);
    for (const std::string& topic : topics)
        request.topics.emplace_back().topic_name = Str::borrow(topic);
    const auto code = [](const protocol::DeleteShareGroupOffsetsResponse& body) {
        return body.error_code;
    };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::group, group, request, code, INT16_MAX));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::vector<Outcome> out;
    for (const auto& topic : reply->responses)
        out.push_back({topic.topic_name.str(), said_error(topic.error_code, topic.error_message)});
    co_return out;
}

}  // namespace millrace::client
