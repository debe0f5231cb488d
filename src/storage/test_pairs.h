// For this room's compaction tests: batches of keys and values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/test_place.h"

namespace millrace::storage {

struct Pair {
    std::optional<std::string> key;
    std::optional<std::string> value;
};

inline std::vector<uint8_t> make_pairs(const std::vector<Pair>& pairs,
                                       protocol::BatchOptions options = {},
                                       TimestampMs timestamp = 1000) {
    protocol::BatchBuilder builder(options);
    const auto view = [](const std::optional<std::string>& text) -> std::optional<ByteView> {
        if (!text) return std::nullopt;
        return as_bytes(*text);
    };
    for (const Pair& pair : pairs) builder.append(timestamp, view(pair.key), view(pair.value));
    return *builder.finish();
}

}  // namespace millrace::storage
