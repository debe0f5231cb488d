// A group of the consumer protocol (KIP-848), where the coordinator computes the assignment. All of
// it is durable; its state is a function of the numbers:
//
//   empty        no members
//   assigning    the group epoch is ahead of the assignment epoch: a target is to be computed
//   reconciling  some member has not reached its target yet
//   stable
//
// A change of members, subscriptions or topics raises the group epoch; a target assignment is
// computed for an epoch; every member moves to its target on its own heartbeats (reconciler.h),
// first giving up what it must, then taking what is free.
// Kafka: ConsumerGroup, ModernGroup, ConsumerGroupMember.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "coordinator/record.h"
#include "group/classic_group.h"
#include "group/topic_partitions.h"

namespace millrace::group {

enum class ConsumerState : uint8_t { empty, assigning, reconciling, stable };
// Kafka's spelling: "Reconciling".
std::string_view state_name(ConsumerState state);

// What a member is doing; the numbers are stored.
enum class MemberState : int8_t {
    stable = 0,                 // has its target, or all of it that is free
    unrevoked_partitions = 1,   // has been asked to give up partitions, and has not confirmed yet
    unreleased_partitions = 2,  // waits for partitions that others still have
};

constexpr int32_t kLeaveEpoch = -1;        // of a member that leaves
constexpr int32_t kStaticLeaveEpoch = -2;  // of a static member that may come back

// Set of a member that still speaks the classic protocol.
struct ClassicMemberData {
    int32_t session_timeout_ms = 0;
    std::vector<ClassicProtocolMetadata> protocols;
    friend bool operator==(const ClassicMemberData&, const ClassicMemberData&) = default;
};

struct ConsumerMember {
    std::string id;
    // ConsumerGroupMemberMetadataValue
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::string client_id;
    std::string client_host;
    std::set<std::string, std::less<>> topics;
    std::string regex;  // empty = none
    int32_t rebalance_timeout_ms = -1;
    std::optional<std::string> server_assignor;
    std::optional<ClassicMemberData> classic;
    // ConsumerGroupCurrentMemberAssignmentValue
    int32_t epoch = 0;
    int32_t previous_epoch = 0;
    MemberState state = MemberState::stable;
    TopicPartitions assigned;
    TopicPartitions revoking;
    // For each assigned or revoking partition the epoch in which the member got it: commits from
    // that epoch on are still good (KIP-1251). A partition that is missing here was stored by an
    // older Kafka.
    std::map<std::pair<Uuid, PartitionIndex>, int32_t> assignment_epochs;

    bool reconciled_to(int32_t target_epoch) const {
        return state == MemberState::stable && epoch == target_epoch;
    }
    bool same_metadata(const ConsumerMember& other) const;
    bool same_assignment(const ConsumerMember& other) const;
    friend bool operator==(const ConsumerMember&, const ConsumerMember&) = default;
};

// A member's regular expression with the topics it matched.
struct ResolvedRegex {
    std::set<std::string, std::less<>> topics;
    int64_t version = 0;  // of the metadata it was resolved with
    TimestampMs timestamp = 0;
    friend bool operator==(const ResolvedRegex&, const ResolvedRegex&) = default;
};

class ConsumerGroup {
public:
    explicit ConsumerGroup(std::string id) : id_(std::move(id)) {}

    using Members = std::map<std::string, std::shared_ptr<const ConsumerMember>, std::less<>>;

    const std::string& id() const { return id_; }
    int32_t epoch() const { return epoch_; }
    int64_t metadata_hash() const { return metadata_hash_; }
    int32_t assignment_epoch() const { return assignment_epoch_; }
    TimestampMs assignment_timestamp() const { return assignment_timestamp_; }
    ConsumerState state() const;

    const Members& members() const { return members_; }
    const ConsumerMember* member(std::string_view id) const;
    std::optional<std::string> static_member(std::string_view instance_id) const;
    const std::map<std::string, ResolvedRegex, std::less<>>& regexes() const { return regexes_; }
    bool uses_regex(std::string_view regex) const;
    // Names from all members, and what their regular expressions matched.
    std::set<std::string, std::less<>> subscribed_topics() const;
    std::set<std::string, std::less<>> topics_of(const ConsumerMember& member) const;
    bool subscribes(std::string_view topic) const;
    // The target of a member; empty when there is none.
    const TopicPartitions& target(std::string_view member_id) const;
    bool has_target(std::string_view member_id) const { return targets_.contains(member_id); }
    // Whether some member has the partition or has not confirmed giving it up.
    bool is_owned(const Uuid& topic, PartitionIndex partition) const;
    // The one that most members ask for; nothing when no one asks.
    std::optional<std::string> preferred_assignor() const;
    bool all_members_classic() const;
    size_t count_classic_members() const;

    // --- durable changes: each is one record; applying the record is the same as the call
    void set_epoch(int32_t epoch, int64_t metadata_hash);
    void set_assignment_epoch(int32_t epoch, TimestampMs timestamp);
    void set_member_metadata(const ConsumerMember& member);
    void set_member_assignment(const ConsumerMember& member);
    void set_target(const std::string& member_id, TopicPartitions target);
    void set_regex(const std::string& regex, ResolvedRegex resolved);
    void remove_member(std::string_view id);
    void remove_member_assignment(std::string_view id);
    void remove_target(std::string_view id);
    void remove_regex(std::string_view regex);

    // --- not stored
    // Version of the cluster view that the metadata hash was last computed with.
    Offset seen_metadata = -1;
    int64_t regexes_checked_ms = INT64_MIN / 2;  // Now::mono_ms

    // Durable state only.
    friend bool operator==(const ConsumerGroup& a, const ConsumerGroup& b);

private:
    void put(ConsumerMember member);
    void count_partitions(const ConsumerMember& member, int by);

    std::string id_;
    // Kafka counts from 1: a member that joins an unchanged new group is at epoch 1, not at the 0
    // that means joining.
    int32_t epoch_ = 1;
    int64_t metadata_hash_ = 0;
    int32_t assignment_epoch_ = 1;
    TimestampMs assignment_timestamp_ = 0;
    Members members_;
    std::map<std::string, TopicPartitions, std::less<>> targets_;
    std::map<std::string, ResolvedRegex, std::less<>> regexes_;
    std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
    std::map<std::pair<Uuid, PartitionIndex>, int> owners_;           // how many members have it
};

}  // namespace millrace::group
