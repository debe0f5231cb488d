// What the assignors compute on: members, topics and partitions as small numbers, and the orders
// that Java's client goes through them in.
//
// Members count in the order of the input. Topics count in the order of their names: those that a
// member subscribes to and that exist. Partitions count through all topics.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/assign/assignor.h"

namespace millrace::client::assign {

using Member = uint32_t;
using Partition = uint32_t;

// The order in which a java.util.HashMap gives keys of these hash codes that were put into it one
// by one. Exact as long as fewer than nine keys share a bucket.
std::vector<uint32_t> java_map_order(std::span<const int32_t> hashes);
// The bucket of a hash code in a table that holds or has held `size` keys.
uint32_t java_bucket(int32_t hash, size_t size);

struct Topic {
    std::string_view name;
    Partition first = 0;
    uint32_t count = 0;                // > 0
    std::vector<Member> subscribers;   // in java_order
    const AssignableTopic* described;  // outlives this
};

class GroupView {
public:
    // Both outlive this.
    GroupView(std::span<const GroupMember> members, const AssignableTopics& topics);

    size_t member_count() const { return members_.size(); }
    const GroupMember& member(Member m) const { return members_[m]; }
    // As Java's map of members gives them.
    const std::vector<Member>& java_order() const { return java_order_; }
    // Place by id.
    uint32_t rank(Member m) const { return ranks_[m]; }
    // Ordered by instance id where there is one, these first, then by member id.
    std::vector<Member> by_instance(std::vector<Member> members) const;

    const std::vector<Topic>& topics() const { return topics_; }
    std::optional<uint32_t> find_topic(std::string_view name) const;
    // Of those that exist, in the member's own order.
    const std::vector<uint32_t>& topics_of(Member m) const { return member_topics_[m]; }
    bool subscribes(Member m, uint32_t topic) const;
    // All topics have the same subscribers, and all members the same list, absent topics included.
    bool same_subscriptions() const;

    size_t partition_count() const { return topic_of_.size(); }
    uint32_t topic_of(Partition p) const { return topic_of_[p]; }
    uint32_t index_of(Partition p) const { return p - topics_[topic_of_[p]].first; }
    TopicPartition name_of(Partition p) const {
        return {std::string(topics_[topic_of_[p]].name), static_cast<int32_t>(index_of(p))};
    }
    std::optional<Partition> find(const TopicPartition& tp) const;
    const std::vector<std::string>& racks_of(Partition p) const;

    GroupAssignment named(std::vector<std::vector<Partition>> assignment) const;

private:
    std::span<const GroupMember> members_;
    std::vector<Member> java_order_;
    std::vector<uint32_t> ranks_;
    std::vector<Topic> topics_;
    std::vector<uint32_t> topic_of_;
    std::vector<std::vector<uint32_t>> member_topics_;
};

}  // namespace millrace::client::assign
