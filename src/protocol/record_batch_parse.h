// The one place that knows how a record is laid out: inline, for RecordReader and the produce
// validation. Internal to the room.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/varint.h"

namespace millrace::protocol {

// All readers take [p, end), return the byte after what they read, and nullptr when it is cut or
// does not fit.
inline const uint8_t* read_varint(const uint8_t* p, const uint8_t* end, int32_t& out) {
    uint32_t n;
    if (end - p >= 2 && (p[0] & p[1] & 0x80) == 0) [[likely]] {
        // One or two bytes, without a branch on which: nearly every number in a record.
        const uint32_t two = p[0] >> 7;
        n = (p[0] & 0x7fu) | (p[1] * two) << 7;
        p += 1 + two;
    } else {
        p = read_uvarint32(p, end, n);
        if (p == nullptr) return nullptr;
    }
    out = unzigzag32(n);
    return p;
}

inline const uint8_t* read_varlong(const uint8_t* p, const uint8_t* end, int64_t& out) {
    uint64_t n;
    if (end - p >= 2 && (p[0] & p[1] & 0x80) == 0) [[likely]] {
        const uint64_t two = p[0] >> 7;
        n = (p[0] & 0x7fu) | (p[1] * two) << 7;
        p += 1 + two;
    } else {
        p = read_uvarint64(p, end, n);
        if (p == nullptr) return nullptr;
    }
    out = unzigzag64(n);
    return p;
}

// Length -1 is null (data = nullptr); below -1 is refused.
inline const uint8_t* read_blob(const uint8_t* p, const uint8_t* end, const uint8_t*& data,
                                int32_t& length) {
    p = read_varint(p, end, length);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    if (length < 0) {
        data = nullptr;
        return length == -1 ? p : nullptr;
    }
    if (end - p < length) [[unlikely]]
        return nullptr;
    data = p;
    return p + length;
}

struct RawRecord {
    int64_t timestamp_delta;
    int32_t offset_delta;
    const uint8_t* key;
    int32_t key_length;
    const uint8_t* value;
    int32_t value_length;
    const uint8_t* headers;
    int32_t header_count;
    const uint8_t* end;
};

// Whether [p, end) holds exactly `count` headers.
bool headers_fill(const uint8_t* p, const uint8_t* end, int32_t count);

// Checks the whole record: its length must match its fields.
inline const uint8_t* parse_record(const uint8_t* p, const uint8_t* end, RawRecord& out) {
    int32_t length;
    p = read_varint(p, end, length);
    // Attributes, two deltas, two lengths and the header count take a byte each at the least.
    if (p == nullptr || length < 6 || end - p < length) [[unlikely]]
        return nullptr;
    const uint8_t* const record_end = p + length;
    ++p;  // attributes: unused
    p = read_varlong(p, record_end, out.timestamp_delta);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    p = read_varint(p, record_end, out.offset_delta);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    p = read_blob(p, record_end, out.key, out.key_length);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    p = read_blob(p, record_end, out.value, out.value_length);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    p = read_varint(p, record_end, out.header_count);
    if (p == nullptr) [[unlikely]]
        return nullptr;
    out.headers = p;
    out.end = record_end;
    if (out.header_count == 0 ? p != record_end : !headers_fill(p, record_end, out.header_count))
        [[unlikely]] {
        return nullptr;
    }
    return record_end;
}

}  // namespace millrace::protocol
