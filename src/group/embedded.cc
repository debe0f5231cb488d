#include "group/embedded.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/codec.h"

namespace millrace::group {
namespace {

template <typename M>
Result<std::pair<int16_t, M>> decode_versioned(ByteView bytes) {
    if (bytes.size() < 2) return fail(ErrorCode::malformed, "no version");
    auto version = load_be<int16_t>(bytes.data());
    if (version < 0) return fail(ErrorCode::invalid_request, "negative version");
    TRY(M body, protocol::decode<M>(bytes.subspan(2), std::min(version, M::kVersionMax)));
    return std::pair{version, std::move(body)};
}

}  // namespace

Result<EmbeddedSubscription> decode_subscription(ByteView bytes) {
    TRY(auto out, decode_versioned<protocol::ConsumerProtocolSubscription>(bytes));
    return EmbeddedSubscription{out.first, std::move(out.second)};
}

Result<protocol::ConsumerProtocolAssignment> decode_assignment(ByteView bytes) {
    TRY(auto out, decode_versioned<protocol::ConsumerProtocolAssignment>(bytes));
    return std::move(out.second);
}

std::vector<uint8_t> encode_assignment(const protocol::ConsumerProtocolAssignment& assignment,
                                       int16_t version) {
    version = std::min(version, protocol::ConsumerProtocolAssignment::kVersionMax);
    auto body = protocol::encode_to_bytes(assignment, version);
    INVARIANT(body.has_value());
    std::vector<uint8_t> out(2);
    store_be(out.data(), version);
    out.insert(out.end(), body->begin(), body->end());
    return out;
}

}  // namespace millrace::group
