// Kafka's uuid: 16 bytes, on the wire most significant half first, as text URL-safe base64 without
// padding (22 characters).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

class Rng;

struct Uuid {
    uint64_t high = 0;
    uint64_t low = 0;

    // A version-4 uuid; never a reserved one, and its text never starts with '-' (tools would take
    // it for a flag).
    static Uuid random(Rng& rng);
    // ErrorCode::invalid_request when it is not 22 characters of the alphabet.
    static Result<Uuid> parse(std::string_view text);

    bool is_zero() const { return high == 0 && low == 0; }
    std::string to_string() const;
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// The fixed topic id of __cluster_metadata.
constexpr Uuid kMetadataTopicId{0, 1};

}  // namespace millrace

template <>
struct std::hash<millrace::Uuid> {
    size_t operator()(const millrace::Uuid& u) const noexcept {
        return u.high ^ (u.low * 0x9e3779b97f4a7c15ULL);
    }
};
