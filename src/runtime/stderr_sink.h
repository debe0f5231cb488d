// Where the log goes on Linux: standard error, one write for each line, and the wall clock for its
// times. Any thread.
#pragma once

#include <string_view>

#include "base/units.h"

namespace millrace::runtime {

// Blocks as long as the reader of standard error does; a line that cannot be written is lost.
void write_stderr(std::string_view line);

// The system's wall clock now, not that of a loop's turn.
TimestampMs system_wall_ms();

}  // namespace millrace::runtime
