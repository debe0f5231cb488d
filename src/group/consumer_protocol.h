// What members of the consumer protocol (KIP-848) may ask for: joining, heartbeats, leaving; and
// what happens when they do not come back in time. Decides on committed state; changes come as
// records in Effects.
// Kafka: GroupMetadataManager.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "group/consumer_records.h"
#include "group/table.h"
#include "protocol/messages/consumer_group_heartbeat.h"

namespace millrace::group {

// A new regular expression may be resolved at any time; those that are resolved already not more
// often than this.
constexpr int64_t kRegexRefreshMinMs = 10'000;

struct RegexUpdate {
    bool changed = false;  // some expression matches other topics than before
    bool current = false;  // all of them were resolved with the current metadata
};

class ConsumerProtocol {
public:
    explicit ConsumerProtocol(GroupTable& table) : table_(table) {}

    protocol::ConsumerGroupHeartbeatResponse heartbeat(
        const RequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request,
        Now now, Effects& effects);
    // The member's session or rebalance timer has fired. It may have been heard of since.
    void on_session_timeout(const Timer& timer, Now now, Effects& effects);
    void on_rebalance_timeout(const Timer& timer, Now now, Effects& effects);
    // Starts the timers of a group that was read from the log.
    void loaded(const ConsumerGroup& group, Now now);

    // --- shared with classic members of the group (mixed.h)

    // Brings group epoch and target assignment up to date with subscriptions and topics. `bump`:
    // something changed already.
    void refresh(GroupChange& change, bool bump, RegexUpdate regexes, Now now, Effects& effects);
    // Moves the member towards its target; records and timers as needed.
    ConsumerMember step(GroupChange& change, const ConsumerMember& member,
                        const TopicPartitions* owned, Now now);
    // Removes members for good.
    void remove(GroupChange& change, std::span<const std::string> ids, Now now, Effects& effects);
    // Gives a static member's place to a member with another id, at epoch `epoch`.
    ConsumerMember replace(GroupChange& change, const ConsumerMember& from, std::string to,
                           int32_t epoch);
    // Resolves the member's new expression, forgets the old one, and looks at all of them when the
    // metadata changed.
    RegexUpdate update_regexes(GroupChange& change, const std::string& new_regex,
                               const std::string& old_regex, Now now);
    // Whether a new target assignment is to be computed, and may be: not more often than the
    // assignment interval.
    bool target_due(const ConsumerGroup& group, Now now) const;
    int32_t session_timeout_ms(std::string_view group_id) const;
    int32_t heartbeat_interval_ms(std::string_view group_id) const;

private:
    using Request = protocol::ConsumerGroupHeartbeatRequest;
    using Response = protocol::ConsumerGroupHeartbeatResponse;

    Result<void> check(const RequestContext& context, const Request& request) const;
    Result<Response> join_or_beat(const RequestContext& context, const Request& request, Now now,
                                  Effects& effects);
    Result<Response> leave(const Request& request, Now now, Effects& effects);
    // The group to work on; `fresh` becomes the one that is to be made.
    Result<const ConsumerGroup*> find_group(const Request& request,
                                            std::optional<ConsumerGroup>& fresh, Now now,
                                            Effects& effects);
    Result<ConsumerMember> find_member(GroupChange& change, const Request& request,
                                       std::string member_id);
    void expire(const ConsumerGroup& group, const Timer& timer, Now now, Effects& effects);
    void update_target(GroupChange& change, Now now);
    Response reply(const ConsumerMember& before, const ConsumerMember& after,
                   const Request& request, std::string_view group_id) const;

    GroupTable& table_;
};

}  // namespace millrace::group
