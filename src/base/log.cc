#include "base/log.h"

#include <atomic>

namespace millrace::log {
namespace {

Sink g_sink;
std::atomic<Level> g_level{Level::info};

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

std::string_view level_name(Level level) {
    constexpr std::string_view kNames[] = {"DEBUG", "INFO", "WARN", "ERROR", "OFF"};
    return kNames[static_cast<size_t>(level)];
}

void write(Level level, std::string_view room, std::string_view message) {
    if (g_sink) g_sink(level, room, message);
}

}  // namespace millrace::log
