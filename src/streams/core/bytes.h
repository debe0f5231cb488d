// Bytes of the streams engine. A string's comparison is that of unsigned bytes, which is the order
// of Kafka Streams' stores.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::streams {

using Bytes = std::string;
using BytesView = std::string_view;
// A record's key or value as it stands in a topic: absent is Kafka's null.
using NullableBytes = std::optional<Bytes>;
using NullableView = std::optional<BytesView>;

inline NullableView view_of(const NullableBytes& bytes) {
    return bytes ? NullableView(*bytes) : std::nullopt;
}

// Big-endian integers at the end of `out`, and at the start of `in` (which must hold them).
template <typename T>
void append_be(Bytes& out, T value) {
    using Unsigned = std::make_unsigned_t<T>;
    auto bits = static_cast<Unsigned>(value);
    char raw[sizeof(T)];
    for (size_t i = sizeof(T); i-- > 0;
         bits = static_cast<Unsigned>(bits >> (sizeof(T) > 1 ? 8 : 0)))
        raw[i] = static_cast<char>(bits & 0xff);
    out.append(raw, sizeof raw);
}
template <typename T>
T read_be(BytesView in) {
    using Unsigned = std::make_unsigned_t<T>;
    Unsigned bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
        bits = static_cast<Unsigned>((sizeof(T) > 1 ? bits << 8 : 0) | static_cast<uint8_t>(in[i]));
    return static_cast<T>(bits);
}

}  // namespace millrace::streams
