// Typed records of a coordinator.s log to bytes: key = int16 type and body, value = int16 version
// and body.
#pragma once

#include <vector>

#include "base/check.h"
#include "coordinator/record.h"
#include "protocol/codec.h"

namespace millrace::coordinator {

// `prefix` as int16, then the message. The message must be encodable: our own state always is.
template <typename M>
std::vector<uint8_t> encode_prefixed(int16_t prefix, const M& message, int16_t version) {
    protocol::Writer out;
    out.number(prefix);
    auto encoded = protocol::encode(message, version, out);
    INVARIANT(encoded.has_value());
    auto bytes = out.take_bytes();
    INVARIANT(bytes.has_value());
    return *std::move(bytes);
}

template <typename Key, typename Value>
Record make_record(const Key& key, const Value& value, int16_t version) {
    return {encode_prefixed(Key::kRecordKey, key, 0), encode_prefixed(version, value, version)};
}
template <typename Key>
Record make_tombstone(const Key& key) {
    return {encode_prefixed(Key::kRecordKey, key, 0), std::nullopt};
}

// The value's version and body. Errors: malformed, unsupported_version (written by a newer Kafka).
template <typename Value>
Result<Value> decode_value(ByteView bytes) {
    if (bytes.size() < 2) return fail(ErrorCode::malformed, "record value without a version");
    return protocol::decode<Value>(bytes.subspan(2), load_be<int16_t>(bytes.data()));
}

}  // namespace millrace::coordinator
