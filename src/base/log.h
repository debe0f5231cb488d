// The node's log: one line an event, `level room: message`, to a sink that the program sets once at
// start. Code above `runtime` never writes to a stream itself.
//
//   LOG_INFO("storage", "rolled {}-{} at offset {}", topic, partition, offset);
//
// Each room has a level of its own or follows the one of the whole log. Levels may be changed at any
// time, by any thread; they are the process's, and last as long as it does.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string_view>

namespace millrace::log {

enum class Level : uint8_t { debug, info, warn, error, off };

// Who may log: the rooms of src/.
inline constexpr std::string_view kRooms[] = {
    "base",    "protocol",    "runtime", "config",   "net",        "client",
    "streams", "storage",     "raft",    "metadata", "controller", "coordinator",
    "group",   "transaction", "broker",  "server",   "cli",
};

// A name of kRooms; another one does not compile.
class Room {
public:
    consteval Room(const char* name) : index_(index_of(name)) {  // NOLINT: made from a literal
        if (index_ == std::size(kRooms)) not_in_kRooms();
    }
    // By a name from outside.
    static std::optional<Room> named(std::string_view name) {
        const size_t index = index_of(name);
        if (index == std::size(kRooms)) return std::nullopt;
        return Room(index);
    }
    size_t index() const { return index_; }
    std::string_view name() const { return kRooms[index_]; }

private:
    explicit constexpr Room(size_t index) : index_(index) {}
    static constexpr size_t index_of(std::string_view name) {
        size_t i = 0;
        while (i < std::size(kRooms) && kRooms[i] != name) ++i;
        return i;
    }
    static void not_in_kRooms();
    size_t index_;
};

using Sink = std::function<void(Level, std::string_view room, std::string_view message)>;

// To be called before any other thread logs. Until then nothing is written.
void set_sink(Sink sink);
// Of the whole log: of every room without a level of its own.
void set_level(Level level);
Level level();
// Nothing: it follows the whole log again.
void set_level(Room room, std::optional<Level> level);
Level level(Room room);
std::string_view level_name(Level level);

void write(Level level, std::string_view room, std::string_view message);

template <typename... Args>
void format(Level at, Room room, fmt::format_string<Args...> text, Args&&... args) {
    if (at >= level(room)) write(at, room.name(), fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace millrace::log

#define LOG_DEBUG(room, ...) \
    ::millrace::log::format(::millrace::log::Level::debug, room, __VA_ARGS__)
#define LOG_INFO(room, ...) ::millrace::log::format(::millrace::log::Level::info, room, __VA_ARGS__)
#define LOG_WARN(room, ...) ::millrace::log::format(::millrace::log::Level::warn, room, __VA_ARGS__)
#define LOG_ERROR(room, ...) \
    ::millrace::log::format(::millrace::log::Level::error, room, __VA_ARGS__)
