// Which APIs this node serves, at which versions, and how a request reaches its handler.
// ApiVersions answers from the same table, so nothing is offered that does not work.
#pragma once

#include <span>

#include "broker/broker.h"
#include "broker/request_context.h"
#include "protocol/codec.h"

namespace millrace::broker {

// Decodes the body, runs the handler, and encodes its answer behind what `out` holds. False when
// nothing is to be sent. Errors: malformed, and what else closes the connection.
using Handle = runtime::Task<Result<bool>> (*)(Broker&, RequestContext&, ByteView body,
                                               protocol::Writer& out);

struct Api {
    int16_t key;
    int16_t version_min;
    int16_t version_max;
    int16_t flexible_from;
    Handle handle;
    // The highest version may still change in Kafka; it is for who asks for such ones
    // (unstable.api.versions.enable).
    bool unstable_latest = false;

    int16_t offered_max(bool unstable_versions) const {
        return static_cast<int16_t>(version_max - (unstable_latest && !unstable_versions ? 1 : 0));
    }
};

// By key, ascending.
std::span<const Api> served_apis();
// nullptr when it is not served.
const Api* find_api(int16_t key);

}  // namespace millrace::broker
