#include "server/log_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace millrace::server {
namespace {

constexpr size_t kRoomWidth = 11;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Bytes of the UTF-8 character at the front of `text`, 0 when it is none (RFC 3629: no surrogates,
// no overlong forms).
size_t utf8_length(std::string_view text) {
    const auto byte = [&](size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto tail = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool second = first == 0xe0   ? tail(1, 0xa0)
                            : first == 0xed ? tail(1, 0x80, 0x9f)
                                            : tail(1);
        return second && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool second = first == 0xf0   ? tail(1, 0x90)
                            : first == 0xf4 ? tail(1, 0x80, 0x8f)
                                            : tail(1);
        return second && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

void append_clean(std::string& out, std::string_view text, bool json) {
    while (!text.empty()) {
        const char c = text[0];
        const size_t length = utf8_length(text);
        if (length == 0) {
            out += kReplacement;
        } else if (json && (c == '"' || c == '\\')) {
            (out += '\\') += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += json ? "\\t" : "\t";
        } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<size_t>(length, 1));
    }
}

// "2026-11-22<between>21:58:00.123"
std::string time_text(TimestampMs time, char between) {
    const TimestampMs ms = ((time % 1000) + 1000) % 1000;
    const std::tm utc = fmt::gmtime(static_cast<std::time_t>((time - ms) / 1000));
    return fmt::format("{:%Y-%m-%d}{}{:%H:%M:%S}.{:03}", utc, between, utc, ms);
}

}  // namespace

std::string format_log_line(LogFormat format, TimestampMs time, log::Level level,
                            std::string_view room, std::string_view message) {
    std::string out;
    if (format == LogFormat::text) {
        out = fmt::format("{} {:<5} {:<{}} ", time_text(time, ' '), log::level_name(level), room,
                          kRoomWidth);
        append_clean(out, message, false);
    } else {
        out = fmt::format(R"({{"time":"{}Z","level":"{}","room":")", time_text(time, 'T'),
                          log::level_name(level));
        append_clean(out, room, true);
        out += R"(","message":")";
        append_clean(out, message, true);
        out += R"("})";
    }
    out += '\n';
    return out;
}

log::Sink log_sink(LogFormat format, std::function<TimestampMs()> now,
                   std::function<void(std::string_view line)> write) {
    return [format, now = std::move(now), write = std::move(write)](
               log::Level level, std::string_view room, std::string_view message) {
        write(format_log_line(format, now(), level, room, message));
    };
}

log::Level log_level_named(std::string_view name) {
    std::string upper(name);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    for (const log::Level level : {log::Level::debug, log::Level::info, log::Level::warn,
                                   log::Level::error, log::Level::off}) {
        if (log::level_name(level) == upper) return level;
    }
    return log::Level::info;
}

}  // namespace millrace::server
