// The group APIs of a stand-in broker: what they may answer when something is wrong, and the way to
// the group coordinator.
#pragma once

#include <span>

#include "sim/client/cluster/stand_in_broker.h"

namespace millrace::sim {

// Retriable errors that the answer to such a request may have.
template <typename Request>
std::span<const ErrorCode> group_errors();

// The answer that says nothing but this.
protocol::JoinGroupResponse failed_group(const protocol::JoinGroupRequest&, ErrorCode);
protocol::SyncGroupResponse failed_group(const protocol::SyncGroupRequest&, ErrorCode);
protocol::HeartbeatResponse failed_group(const protocol::HeartbeatRequest&, ErrorCode);
protocol::LeaveGroupResponse failed_group(const protocol::LeaveGroupRequest&, ErrorCode);
protocol::OffsetCommitResponse failed_group(const protocol::OffsetCommitRequest&, ErrorCode);
protocol::OffsetFetchResponse failed_group(const protocol::OffsetFetchRequest&, ErrorCode);
protocol::ConsumerGroupHeartbeatResponse failed_group(
    const protocol::ConsumerGroupHeartbeatRequest&, ErrorCode);

// What the coordinator says.
template <typename Request>
runtime::Task<typename Request::Response> serve_group_request(StandInBroker& broker,
                                                              const Call& call,
                                                              const Request& request);

}  // namespace millrace::sim
