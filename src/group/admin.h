// What tools ask about groups: list, describe, delete.
#pragma once

#include "base/result.h"
#include "group/table.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"

namespace millrace::group {

using ClassicDescription = protocol::DescribeGroupsResponse::DescribedGroup;
using ConsumerDescription = protocol::ConsumerGroupDescribeResponse::DescribedGroup;

// Adds the groups that pass the request's filters (no filter = all; case does not matter).
void list_groups(const GroupTable& table, const protocol::ListGroupsRequest& request,
                 std::vector<protocol::ListGroupsResponse::ListedGroup>& out);

// DescribeGroups: classic groups. Before version 6 what does not exist is a group in state "Dead".
ClassicDescription describe_classic(const GroupTable& table, std::string_view group_id,
                                    int16_t version);
ConsumerDescription describe_consumer(const GroupTable& table, std::string_view group_id);

// The records that delete the group with its offsets. Errors: group_id_not_found, non_empty_group.
ErrorCode delete_group(GroupTable& table, std::string_view group_id, Effects& effects);
// The records that end a group without members, but for those of its offsets.
void remove_empty_group(GroupTable& table, std::string_view group_id, Effects& effects);
bool has_members(const GroupTable& table, std::string_view group_id);

}  // namespace millrace::group
