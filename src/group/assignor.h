// The server-side assignors of the consumer protocol (KIP-848): who is to own which partition.
//
//   uniform   as even as the subscriptions allow, over all topics together; keeps what members have
//             unless a move evens it out
//   range     topic by topic, each member one run of neighbouring partitions; not sticky
//
// Both are functions of their input alone: same members, topics and current targets, same result.
// Every partition of a topic that someone subscribes to goes to exactly one of its subscribers.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "group/topic_partitions.h"

namespace millrace::group {

struct AssignorMember {
    std::string_view id;
    std::optional<std::string_view> instance_id;
    std::vector<Uuid> topics;                  // subscribed and existing, ascending, no duplicates
    const TopicPartitions* current = nullptr;  // its target until now; nullptr = none
};

// Topic id -> number of partitions; holds at least all topics named by members.
using AssignorTopics = std::map<Uuid, int32_t>;

// One entry per member, in the order of the input.
std::vector<TopicPartitions> assign_uniform(std::span<const AssignorMember> members,
                                            const AssignorTopics& topics);
std::vector<TopicPartitions> assign_range(std::span<const AssignorMember> members,
                                          const AssignorTopics& topics);

using Assignor = std::vector<TopicPartitions> (*)(std::span<const AssignorMember>,
                                                  const AssignorTopics&);
// "uniform" or "range"; nullptr for any other name.
Assignor find_assignor(std::string_view name);

}  // namespace millrace::group
