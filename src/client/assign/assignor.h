// How the leader of a classic group shares partitions out: Kafka's four built-in assignors.
//
//   range               topic by topic, each member one run of neighbouring partitions
//   roundrobin          all partitions of all topics dealt out in turn
//   sticky              as even as the subscriptions allow, keeping what members had; members give
//                       up everything before they join (eager), and say in their user data what it was
//   cooperative-sticky  the same, but members keep what they own while they join. A partition that
//                       is to move is given to nobody in this round: its owner lets go of it and
//                       joins again, then it is free
//
// The same members and topics give exactly what Java's client (4.3) gives, so members of both
// kinds may lead one group by turns: also where Java's answer hangs on the order of its hash maps,
// the members being put into them in the order of the input (that of the JoinGroup answer).
// Tested against recorded answers (tests/interop/java/RecordAssignments.java).
//
// Owner: a member's classic membership; one object for each name and member, since sticky
// assignors remember their own last assignment.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace millrace::client {

// One member's subscription, as it sent it (ConsumerProtocolSubscription).
struct GroupMember {
    std::string id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack;
    std::vector<std::string> topics;
    std::vector<TopicPartition> owned;
    int32_t generation = -1;  // that `owned` comes from; -1 = not said
    std::vector<uint8_t> user_data;
};

struct AssignableTopic {
    int32_t partitions = 0;
    // For each partition the racks of its replicas; empty when brokers have no racks.
    std::vector<std::vector<std::string>> racks;
};
using AssignableTopics = std::map<std::string, AssignableTopic, std::less<>>;

// For each member of the input, in its order, ascending.
using GroupAssignment = std::vector<std::vector<TopicPartition>>;

class Assignor {
public:
    virtual ~Assignor() = default;
    virtual std::string_view name() const = 0;
    // Members may keep what they own while they join.
    virtual bool cooperative() const { return false; }
    // What this member sends along with its subscription; nothing where there is nothing to say.
    virtual std::vector<uint8_t> user_data() const { return {}; }
    // This member was given `partitions` in `generation`.
    virtual void assigned(std::span<const TopicPartition> partitions, int32_t generation) {
        (void)partitions;
        (void)generation;
    }
    // Topics that are subscribed to but not in `topics` get nobody. At least one member; ids differ.
    virtual GroupAssignment assign(std::span<const GroupMember> members,
                                   const AssignableTopics& topics) const = 0;
};

// Nothing for another name. Java's class names (org.apache.kafka.clients.consumer.RangeAssignor...)
// are taken too.
std::unique_ptr<Assignor> make_assignor(std::string_view name);

}  // namespace millrace::client
