#include "streams/serde.h"

#include "base/error_code.h"
#include "streams/errors.h"

namespace millrace::streams {
namespace {

// Where a hexadecimal digit stands (h), and where a dash: 8-4-4-4-12.
constexpr std::string_view kUuidShape = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

NullableBytes serialize(const AnySerde& serde, Ref value) {
    if (!value) return std::nullopt;
    NullableBytes bytes(std::in_place);
    serde.serialize(value, *bytes);
    return bytes;
}

Box deserialize(const AnySerde& serde, NullableView bytes) {
    if (!bytes) return {};
    Result<Box> value = serde.deserialize(*bytes);
    if (!value) throw SerializationException(value.error().message);
    return *std::move(value);
}

namespace detail {
Error wrong_size(std::string_view type, size_t) {
    // Word for word Kafka's: it stands in dead letters.
    const int expected = type == "Long" || type == "Double" ? 8 : type == "Short" ? 2 : 4;
    return fail(ErrorCode::malformed,
                fmt::format("Size of data received by {}Deserializer is not {}", type, expected));
}
}  // namespace detail

void BooleanSerde::serialize(const bool& value, Bytes& out) const {
    out += value ? '\x01' : '\x00';
}

Result<bool> BooleanSerde::deserialize(BytesView bytes) const {
    if (bytes.size() != 1)
        return fail(ErrorCode::malformed, "Size of data received by BooleanDeserializer is not 1");
    if (bytes[0] != 0 && bytes[0] != 1)
        return fail(ErrorCode::malformed,
                    fmt::format("Unexpected byte received by BooleanDeserializer: {}",
                                static_cast<int>(bytes[0])));
    return bytes[0] == 1;
}

void UuidSerde::serialize(const Uuid& value, Bytes& out) const {
    const std::string digits = fmt::format("{:016x}{:016x}", value.high, value.low);
    size_t next = 0;
    for (char c : kUuidShape) out += c == '-' ? '-' : digits[next++];
}

Result<Uuid> UuidSerde::deserialize(BytesView bytes) const {
    const Error bad = fail(ErrorCode::malformed,
                           fmt::format("Error parsing data into UUID: {} bytes", bytes.size()));
    if (bytes.size() != kUuidShape.size()) return bad;
    uint64_t halves[2] = {0, 0};
    size_t digits = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (kUuidShape[i] == '-') {
            if (bytes[i] != '-') return bad;
            continue;
        }
        const int digit = hex_digit(bytes[i]);
        if (digit < 0) return bad;
        uint64_t& half = halves[digits++ / 16];
        half = half << 4 | static_cast<uint64_t>(digit);
    }
    return Uuid{halves[0], halves[1]};
}

}  // namespace millrace::streams
