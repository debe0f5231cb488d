// The node's log: one line an event, `level room: message`, to a sink that the program sets once at
// start. Code above `runtime` never writes to a stream itself.
//
//   LOG_INFO("storage", "rolled {}-{} at offset {}", topic, partition, offset);
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace millrace::log {

enum class Level : uint8_t { debug, info, warn, error, off };

using Sink = std::function<void(Level, std::string_view room, std::string_view message)>;

// Both are to be called before any other thread logs. Until then nothing is written.
void set_sink(Sink sink);
void set_level(Level level);
Level level();
std::string_view level_name(Level level);

void write(Level level, std::string_view room, std::string_view message);

template <typename... Args>
void format(Level at, std::string_view room, fmt::format_string<Args...> text, Args&&... args) {
    if (at >= level()) write(at, room, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace millrace::log

#define LOG_DEBUG(room, ...) \
    ::millrace::log::format(::millrace::log::Level::debug, room, __VA_ARGS__)
#define LOG_INFO(room, ...) ::millrace::log::format(::millrace::log::Level::info, room, __VA_ARGS__)
#define LOG_WARN(room, ...) ::millrace::log::format(::millrace::log::Level::warn, room, __VA_ARGS__)
#define LOG_ERROR(room, ...) \
    ::millrace::log::format(::millrace::log::Level::error, room, __VA_ARGS__)
