// Words that all parts of the group machine share.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>

#include "coordinator/deadlines.h"
#include "coordinator/effects.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/sync_group.h"

namespace millrace::group {

using coordinator::Now;
using coordinator::Record;
using coordinator::then;
using coordinator::Token;

// Of the request's header and connection.
struct RequestContext {
    int16_t api_version = 0;
    std::string client_id;
    std::string client_host;  // Kafka's form: "/127.0.0.1"
};

// Replies that wait for other members.
using ParkedReply = std::variant<protocol::JoinGroupResponse, protocol::SyncGroupResponse>;
using Effects = coordinator::Effects<ParkedReply>;

enum class TimerKind : uint8_t {
    classic_session,     // of a member, or of an id that was handed out and has not joined yet
    classic_initial,     // an empty group gathers its first members
    classic_join,        // members have so long to rejoin
    classic_sync,        // members have so long to send SyncGroup
    consumer_session,    // of a member
    consumer_rebalance,  // a member has so long to give up partitions
};

struct Timer {
    std::string group;
    TimerKind kind{};
    std::string member;  // empty for those of a whole group
    friend auto operator<=>(const Timer&, const Timer&) = default;
};
using Timers = coordinator::Deadlines<Timer>;

// How soon a timer is tried again when its records were not committed.
constexpr int64_t kTimerRetryMs = 500;

inline int16_t wire(ErrorCode code) {
    return static_cast<int16_t>(code);
}

}  // namespace millrace::group
