#include "sim/client/cluster/stand_in_groups.h"

namespace millrace::sim {
namespace {

using enum ErrorCode;
using runtime::Task;

constexpr ErrorCode kCoordinatorErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                            not_coordinator};
constexpr ErrorCode kHeartbeatErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                          not_coordinator, rebalance_in_progress};
constexpr ErrorCode kCommitErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                       not_coordinator, request_timed_out,
                                       unknown_topic_or_partition};
constexpr ErrorCode kOffsetFetchErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                            not_coordinator};

group::RequestContext context_of(const Call& call) {
    return {.api_version = call.version, .client_id = call.client_id, .client_host = "/10.0.0.9"};
}

int16_t wire(ErrorCode code) {
    return static_cast<int16_t>(code);
}

template <typename Response>
Response with_error(ErrorCode code) {
    Response out;
    out.error_code = wire(code);
    return out;
}

}  // namespace

template <>
std::span<const ErrorCode> group_errors<protocol::JoinGroupRequest>() {
    return kCoordinatorErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::SyncGroupRequest>() {
    return kHeartbeatErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::HeartbeatRequest>() {
    return kHeartbeatErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::LeaveGroupRequest>() {
    return kCoordinatorErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::OffsetCommitRequest>() {
    return kCommitErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::OffsetFetchRequest>() {
    return kOffsetFetchErrors;
}
template <>
std::span<const ErrorCode> group_errors<protocol::ConsumerGroupHeartbeatRequest>() {
    return kCoordinatorErrors;
}

protocol::JoinGroupResponse failed_group(const protocol::JoinGroupRequest&, ErrorCode code) {
    return with_error<protocol::JoinGroupResponse>(code);
}
protocol::SyncGroupResponse failed_group(const protocol::SyncGroupRequest&, ErrorCode code) {
    return with_error<protocol::SyncGroupResponse>(code);
}
protocol::HeartbeatResponse failed_group(const protocol::HeartbeatRequest&, ErrorCode code) {
    return with_error<protocol::HeartbeatResponse>(code);
}
protocol::LeaveGroupResponse failed_group(const protocol::LeaveGroupRequest&, ErrorCode code) {
    return with_error<protocol::LeaveGroupResponse>(code);
}
protocol::ConsumerGroupHeartbeatResponse failed_group(
    const protocol::ConsumerGroupHeartbeatRequest&, ErrorCode code) {
    return with_error<protocol::ConsumerGroupHeartbeatResponse>(code);
}

protocol::OffsetCommitResponse failed_group(const protocol::OffsetCommitRequest& request,
                                            ErrorCode code) {
    protocol::OffsetCommitResponse out;
    for (const auto& topic : request.topics) {
        auto& answer = out.topics.emplace_back();
        answer.name = topic.name;
        answer.topic_id = topic.topic_id;
        for (const auto& partition : topic.partitions)
            answer.partitions.push_back({partition.partition_index, wire(code)});
    }
    return out;
}

protocol::OffsetFetchResponse failed_group(const protocol::OffsetFetchRequest& request,
                                           ErrorCode code) {
    protocol::OffsetFetchResponse out;
    if (request.groups.empty()) out.error_code = wire(code);
    for (const auto& group : request.groups) {
        auto& answer = out.groups.emplace_back();
        answer.group_id = group.group_id;
        answer.error_code = wire(code);
    }
    return out;
}

template <>
Task<protocol::JoinGroupResponse> serve_group_request(StandInBroker& broker, const Call& call,
                                                      const protocol::JoinGroupRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().join_group(context, request);
}
template <>
Task<protocol::SyncGroupResponse> serve_group_request(StandInBroker& broker, const Call& call,
                                                      const protocol::SyncGroupRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().sync_group(context, request);
}
template <>
Task<protocol::HeartbeatResponse> serve_group_request(StandInBroker& broker, const Call& call,
                                                      const protocol::HeartbeatRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().heartbeat(context, request);
}
template <>
Task<protocol::LeaveGroupResponse> serve_group_request(StandInBroker& broker, const Call& call,
                                                       const protocol::LeaveGroupRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().leave_group(context, request);
}
template <>
Task<protocol::OffsetCommitResponse> serve_group_request(
    StandInBroker& broker, const Call& call, const protocol::OffsetCommitRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().offset_commit(context, request);
}
template <>
Task<protocol::OffsetFetchResponse> serve_group_request(
    StandInBroker& broker, const Call& call, const protocol::OffsetFetchRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().offset_fetch(context, request);
}
template <>
Task<protocol::ConsumerGroupHeartbeatResponse> serve_group_request(
    StandInBroker& broker, const Call& call,
    const protocol::ConsumerGroupHeartbeatRequest& request) {
    const auto context = context_of(call);
    co_return co_await broker.groups().consumer_group_heartbeat(context, request);
}

}  // namespace millrace::sim
