#include "base/log.h"

#include <atomic>

namespace millrace::log {
namespace {

Sink g_sink;
std::atomic<Level> g_level{Level::info};
// One more than the level; 0: the room follows the whole log.
std::atomic<uint8_t> g_room_levels[std::size(kRooms)];

}  // namespace

void set_sink(Sink sink) {
    g_sink = std::move(sink);
}
void set_level(Level level) {
    g_level = level;
}
Level level() {
    return g_level.load(std::memory_order_relaxed);
}

void set_level(Room room, std::optional<Level> level) {
    g_room_levels[room.index()] = level ? static_cast<uint8_t>(static_cast<int>(*level) + 1) : 0;
}
Level level(Room room) {
    const uint8_t own = g_room_levels[room.index()].load(std::memory_order_relaxed);
    return own == 0 ? level() : static_cast<Level>(own - 1);
}

std::string_view level_name(Level level) {
    constexpr std::string_view kNames[] = {"DEBUG", "INFO", "WARN", "ERROR", "OFF"};
    return kNames[static_cast<size_t>(level)];
}

void write(Level level, std::string_view room, std::string_view message) {
    if (g_sink) g_sink(level, room, message);
}

}  // namespace millrace::log
