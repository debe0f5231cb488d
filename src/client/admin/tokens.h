// Delegation tokens (KIP-48): a login that others may use for a while.
#pragma once

#include <string>
#include <vector>

#include "base/units.h"
#include "client/admin/outcome.h"

namespace millrace::client {

struct Principal {
    std::string type;  // "User"
    std::string name;
    std::string text() const { return type + ":" + name; }
    friend auto operator<=>(const Principal&, const Principal&) = default;
};

struct DelegationToken {
    std::string id;
    std::string hmac;  // bytes
    Principal owner;
    Principal requester;
    std::vector<Principal> renewers;
    TimestampMs issued = -1;
    TimestampMs expires = -1;
    TimestampMs lasts_until = -1;  // however often it is renewed
};

struct NewToken {
    std::optional<Principal> owner;  // nothing: whoever asks
    std::vector<Principal> renewers;
    int64_t max_lifetime_ms = -1;  // -1: the brokers' limit
};

}  // namespace millrace::client
