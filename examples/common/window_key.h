// Keys of outputs that are about a time.
#pragma once

#include <fmt/format.h>

#include <string>

#include "streams/windowed.h"

namespace millrace::examples {

inline std::string key_at(std::string_view key, TimestampMs time) {
    return fmt::format("{}@{}", key, time);
}
// The key, and where the window begins.
inline std::string window_key(const streams::Windowed<std::string>& windowed) {
    return key_at(windowed.key, windowed.window.start);
}

}  // namespace millrace::examples
