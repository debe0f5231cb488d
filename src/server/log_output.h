// How a line of the node's log looks: for people, or as JSON (`millrace.log.format`).
//
//   2026-11-22 21:58:00.123 INFO  storage     rolled t-0
//   {"time":"2026-11-22T21:58:00.123Z","level":"INFO","room":"storage","message":"rolled t-0"}
//
// Times are UTC. A message is one line whatever a peer put into it: control characters are escaped,
// and what is not UTF-8 becomes U+FFFD. Pure but for what it is handed: where the time comes from,
// and where a line goes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/units.h"

namespace millrace::server {

enum class LogFormat : uint8_t { text, json };

// With its line end.
std::string format_log_line(LogFormat format, TimestampMs time, log::Level level,
                            std::string_view room, std::string_view message);

// For log::set_sink(). `write` gets whole lines and may be called by several threads at once, as
// may `now`.
log::Sink log_sink(LogFormat format, std::function<TimestampMs()> now,
                   std::function<void(std::string_view line)> write);

// millrace.log.level's names, in any case; `info` for others.
log::Level log_level_named(std::string_view name);

}  // namespace millrace::server
