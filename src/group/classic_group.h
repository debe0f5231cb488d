// A group of the classic protocol, where the members' leader computes the assignment.
//
//   empty -> preparing_rebalance                  the first member joins
//   preparing_rebalance -> completing_rebalance   all members have joined, or the join phase timed
//                                                 out: a new generation
//   preparing_rebalance -> empty                  the join phase ended with nobody left
//   completing_rebalance -> stable                the leader's assignment is committed
//   completing_rebalance -> preparing_rebalance   a member joins, leaves, dies or changes
//   stable -> preparing_rebalance                 likewise
//
// Only the outcome of a rebalance is durable (GroupMetadataValue); who waits for what is lost when
// the coordinator moves, and clients ask again. This type holds the state and keeps it consistent;
// ClassicProtocol decides.
// Kafka: ClassicGroup, ClassicGroupMember.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "group/types.h"

namespace millrace::group {

enum class ClassicState : uint8_t { empty, preparing_rebalance, completing_rebalance, stable };
// Kafka's spelling: "PreparingRebalance".
std::string_view state_name(ClassicState state);

struct ClassicProtocolMetadata {
    std::string name;
    std::vector<uint8_t> metadata;
    friend bool operator==(const ClassicProtocolMetadata&,
                           const ClassicProtocolMetadata&) = default;
};

struct ClassicMember {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    int32_t rebalance_timeout_ms = 0;
    int32_t session_timeout_ms = 0;
    std::vector<ClassicProtocolMetadata> protocols;  // in the member's order of preference
    std::vector<uint8_t> assignment;

    // Not stored.
    bool is_new = false;  // in its first join: nothing keeps it alive but the join timeout
    std::optional<Token> join;
    std::optional<Token> sync;

    // Its metadata for the protocol; empty when it has none.
    ByteView metadata(std::string_view protocol) const;
    friend bool operator==(const ClassicMember&, const ClassicMember&) = default;
};

class ClassicGroup {
public:
    explicit ClassicGroup(std::string id, TimestampMs now)
        : id_(std::move(id)), state_timestamp_(now) {}

    const std::string& id() const { return id_; }
    ClassicState state() const { return state_; }
    ClassicState previous_state() const { return previous_state_; }
    bool in(ClassicState s) const { return state_ == s; }
    void transition(ClassicState to, TimestampMs now);
    TimestampMs state_timestamp() const { return state_timestamp_; }
    int32_t generation() const { return generation_; }
    const std::optional<std::string>& protocol_type() const { return protocol_type_; }
    const std::optional<std::string>& protocol() const { return protocol_; }
    const std::optional<std::string>& leader() const { return leader_; }
    bool is_leader(std::string_view member) const { return leader_ && *leader_ == member; }

    // --- members, in the order of their ids
    const std::map<std::string, ClassicMember, std::less<>>& members() const { return members_; }
    ClassicMember* member(std::string_view id);
    const ClassicMember* member(std::string_view id) const;
    std::optional<std::string> static_member(std::string_view instance_id) const;
    size_t count_joining() const;
    // The first one decides the protocol type and leads.
    void add(ClassicMember member, std::string_view protocol_type);
    // With its waits; who waited must have been answered.
    void remove(std::string_view id);
    // Gives a static member a new id; what the old id waited for must have been answered.
    void rename(std::string_view from, std::string to);
    int32_t rebalance_timeout_ms() const;

    // Ids that were handed out (MEMBER_ID_REQUIRED) and have not joined yet.
    std::set<std::string, std::less<>> pending;
    // Members of this generation that have not sent SyncGroup yet.
    std::set<std::string, std::less<>> pending_sync;
    // Someone came during the initial delay, which is then prolonged.
    bool new_member_added = false;
    // By how much the initial delay may still be prolonged.
    int32_t initial_remaining_ms = 0;

    // --- protocols

    // Whether a member with these could join: same type, and one protocol that all members have.
    bool supports(std::string_view type,
                  const std::vector<ClassicProtocolMetadata>& protocols) const;
    // The one that all have and most prefer.
    std::string select_protocol() const;
    bool uses_consumer_protocol() const { return protocol_type_ == "consumer"; }
    // As of the last generation; nothing when it is not known (not the consumer protocol, or
    // metadata that does not decode).
    const std::optional<std::set<std::string, std::less<>>>& subscribed_topics() const {
        return subscribed_topics_;
    }
    bool subscribes(std::string_view topic) const;

    // --- rebalance
    bool all_joined() const { return count_joining() == members_.size() && pending.empty(); }
    // Makes a member that joined the leader when the old one did not; false when nobody joined.
    bool elect_joined_leader();
    // To completing_rebalance, or to empty without members.
    void next_generation(TimestampMs now);

    // --- storage

    // Kafka's GroupMetadataValue of this group; a member's assignment is taken from `assignments`
    // if that is given (nothing there = empty), else it is the one it has.
    using Assignments = std::map<std::string, std::vector<uint8_t>, std::less<>>;
    Record to_record(const Assignments* assignments = nullptr) const;
    static Record tombstone(std::string_view group_id);
    static Result<ClassicGroup> from_record(std::string_view group_id, ByteView value,
                                            TimestampMs now);

    // For a group that comes out of another protocol's.
    void restore(int32_t generation, std::string protocol, std::string leader);

private:
    void refresh_subscribed_topics();

    std::string id_;
    ClassicState state_ = ClassicState::empty;
    ClassicState previous_state_ = ClassicState::empty;
    TimestampMs state_timestamp_;
    int32_t generation_ = 0;
    std::optional<std::string> protocol_type_;
    std::optional<std::string> protocol_;
    std::optional<std::string> leader_;
    std::map<std::string, ClassicMember, std::less<>> members_;
    std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
    std::optional<std::set<std::string, std::less<>>> subscribed_topics_;
};

}  // namespace millrace::group
