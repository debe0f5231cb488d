// Numbers and times as Java's String.format and SimpleDateFormat write them.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace millrace::cli::kafka {

// "%.<digits>f"
inline std::string fixed(double value, int digits) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return fmt::format("{:.{}f}", value, digits);
}

// A time in the zone of this machine by a pattern of the letters y M d H m s S.
std::string format_time(TimestampMs ms, std::string_view pattern);

}  // namespace millrace::cli::kafka
