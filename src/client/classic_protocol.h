// What members of a classic group tell each other through the coordinator, which does not look at
// it: subscriptions in JoinGroup, assignments in SyncGroup. Each is an int16 version and a body.
// Kafka: ConsumerProtocol.
#pragma once

#include "client/assign/assignor.h"
#include "client/metadata.h"

namespace millrace::client {

// In the newest version, which readers of older ones take for theirs.
std::vector<uint8_t> encode_subscription(const GroupMember& member);
// id and instance_id are the caller's to fill in. malformed.
Result<GroupMember> decode_subscription(ByteView bytes);

std::vector<uint8_t> encode_assignment(std::span<const TopicPartition> partitions);
// malformed. No bytes: nothing assigned.
Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes);

// The topics that some member wants, as far as the metadata knows them.
AssignableTopics assignable_topics(std::span<const GroupMember> members, const Metadata& metadata);

}  // namespace millrace::client
