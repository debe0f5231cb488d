// What a handler knows about the request besides its body, and what the broker remembers about the
// connection it came on.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/units.h"
#include "runtime/loop.h"

namespace millrace::broker {

struct ConnectionState {
    std::string peer;  // "127.0.0.1:54321"
    // From ApiVersions v3 and up (KIP-511); "unknown" before.
    std::string software_name = "unknown";
    std::string software_version = "unknown";

    std::string host() const { return peer.substr(0, peer.rfind(':')); }
};

struct RequestContext {
    ConnectionState& connection;
    int16_t api_key;
    int16_t version;
    int32_t correlation_id;
    std::string_view client_id;  // in `frame`; empty when null
    SharedBytes frame;           // the whole request: what keeps decoded views alive
    runtime::TimePoint received;
};

}  // namespace millrace::broker
