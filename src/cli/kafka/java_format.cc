#include "cli/kafka/java_format.h"

#include <ctime>

namespace millrace::cli::kafka {
namespace {

std::optional<int> part(char letter, const std::tm& time, TimestampMs ms) {
    switch (letter) {
        case 'y':
            return time.tm_year + 1900;
        case 'M':
            return time.tm_mon + 1;
        case 'd':
            return time.tm_mday;
        case 'H':
            return time.tm_hour;
        case 'm':
            return time.tm_min;
        case 's':
            return time.tm_sec;
        case 'S':
            return static_cast<int>(ms % 1000);
        default:
            return std::nullopt;
    }
}

}  // namespace

std::string format_time(TimestampMs ms, std::string_view pattern) {
    const std::time_t seconds = ms / 1000;
    const std::tm time = *std::localtime(&seconds);
    std::string out;
    while (!pattern.empty()) {
        const char letter = pattern[0];
        const size_t run = std::min(pattern.find_first_not_of(letter), pattern.size());
        const auto number = part(letter, time, ms);
        if (!number)
            out += pattern.substr(0, run);
        else if (letter == 'y' && run == 2)
            out += fmt::format("{:02}", *number % 100);
        else
            out += fmt::format("{:0{}}", *number, run);
        pattern.remove_prefix(run);
    }
    return out;
}

}  // namespace millrace::cli::kafka
