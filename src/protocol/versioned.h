// Structures that carry their own version: int16 version, then the body at that version. Values of
// coordinator records, the consumer protocol's metadata and assignments, forwarded principals.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "protocol/codec.h"

namespace millrace::protocol {

template <typename M>
Result<std::vector<uint8_t>> encode_versioned(const M& m, int16_t version) {
    Writer out;
    out.number(version);
    TRY_OK(encode(m, version, out));
    return out.take_bytes();
}

// What a version above the latest known one means: an error, or read what is known of it (the
// consumer protocol's rule).
enum class Newer : bool { refused, read_as_latest };

// The result borrows from `bytes`. ErrorCode::malformed, ErrorCode::unsupported_version.
template <typename M>
Result<M> decode_versioned(ByteView bytes, Newer newer = Newer::refused) {
    if (bytes.size() < 2) return fail(ErrorCode::malformed, "cut short before the version");
    int16_t version = load_be<int16_t>(bytes.data());
    if (newer == Newer::read_as_latest) version = std::min(version, M::kVersionMax);
    return decode<M>(bytes.subspan(2), version);
}

}  // namespace millrace::protocol
