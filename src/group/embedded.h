// The structures that consumer clients put into JoinGroup metadata and SyncGroup assignments: int16
// version, then ConsumerProtocolSubscription or ConsumerProtocolAssignment. Brokers look into them
// only to learn the topics, and to take classic members into groups of the consumer protocol.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/records/consumer_protocol_assignment.h"
#include "protocol/records/consumer_protocol_subscription.h"

namespace millrace::group {

struct EmbeddedSubscription {
    int16_t version = 0;
    protocol::ConsumerProtocolSubscription body;  // borrows from the bytes
};
// Versions above the newest known are read as that one, as clients do. ErrorCode::malformed,
// invalid_request (negative version).
Result<EmbeddedSubscription> decode_subscription(ByteView bytes);
Result<protocol::ConsumerProtocolAssignment> decode_assignment(ByteView bytes);
std::vector<uint8_t> encode_assignment(const protocol::ConsumerProtocolAssignment& assignment,
                                       int16_t version);

}  // namespace millrace::group
