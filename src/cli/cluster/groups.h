// What the commands about consumer groups do, for `millrace groups` and kafka-consumer-groups alike.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

// One partition of a group: how far it has come, and who has it.
struct GroupPartition {
    TopicPartition partition;
    std::optional<Offset> committed;
    std::optional<LeaderEpoch> leader_epoch;
    std::optional<Offset> end;                          // nothing: it could not be asked
    const client::MemberDescription* member = nullptr;  // of the description it was made from
    std::optional<int64_t> lag() const {
        return committed && end ? std::optional{*end - *committed} : std::nullopt;
    }
};
// Those with a committed offset, or a member. First the assigned ones by member, then the others;
// ordered by topic and partition within.
Result<std::vector<GroupPartition>> group_partitions(Session& session,
                                                     const client::GroupDescription& group);

// Where a group's offsets are to be set to.
struct ResetTarget {
    enum class To : uint8_t { earliest, latest, current, offset, shift, time };
    To to = To::latest;
    int64_t value = 0;  // the offset, the shift, the time in ms
};
struct Reset {
    std::map<TopicPartition, Offset> offsets;
    std::vector<TopicPartition> empty;  // of a time: there is nothing that late, the end is taken
    // What was corrected: above the end or below the start.
    std::vector<std::pair<TopicPartition, Offset>> clamped;
};
Result<Reset> plan_reset(Session& session, const client::GroupOffsets& committed,
                         const std::vector<TopicPartition>& partitions, const ResetTarget& target);
// The same where each partition has an offset of its own to go to.
Result<Reset> plan_reset(Session& session, const std::map<TopicPartition, Offset>& wanted);

// "2024-05-17T12:30:00.000", with a zone ("Z", "+02:00") or without (UTC); in ms.
Result<TimestampMs> parse_date_time(std::string_view text);
// ISO 8601: "P1DT2H30M"; in ms.
Result<int64_t> parse_duration(std::string_view text);

}  // namespace millrace::cli
