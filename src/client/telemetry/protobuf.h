// Writes protobuf's wire format: fields of varints, of 8 bytes, and with a length. Only what
// otlp.cc needs.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace millrace::client {

class ProtobufWriter {
public:
    void varint(int field, uint64_t value) {
        key(field, 0);
        put_varint(value);
    }
    // Little-endian, as fixed64 and double are.
    void fixed64(int field, uint64_t value) {
        key(field, 1);
        for (int shift = 0; shift != 64; shift += 8)
            bytes_.push_back(static_cast<uint8_t>(value >> shift));
    }
    void bytes(int field, ByteView value) {
        key(field, 2);
        put_varint(value.size());
        bytes_.insert(bytes_.end(), value.begin(), value.end());
    }
    void text(int field, std::string_view value) { bytes(field, as_bytes(value)); }
    // A message inside this one.
    void message(int field, const ProtobufWriter& inner) { bytes(field, inner.bytes_); }

    const std::vector<uint8_t>& written() const { return bytes_; }

private:
    void key(int field, int wire_type) {
        put_varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
    }
    void put_varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<uint8_t>(value | 0x80));
        bytes_.push_back(static_cast<uint8_t>(value));
    }
    std::vector<uint8_t> bytes_;
};

}  // namespace millrace::client
