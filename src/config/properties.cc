#include "config/properties.h"

#include <fmt/format.h>

#include <optional>

namespace millrace::config {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\f';
}
bool is_line_end(char c) {
    return c == '\n' || c == '\r';
}

// Cuts a text into logical lines: continuations joined, comments and blank lines left out, leading
// blanks dropped. Escapes other than the line end's are still in them.
class LogicalLines {
public:
    explicit LogicalLines(std::string_view text) : text_(text) {}

    // False at the end of the text.
    bool next(std::string& line, int& number) {
        line.clear();
        while (at_ < text_.size()) {
            number = line_;
            skip_blanks();
            if (at_ == text_.size()) return false;
            const char c = text_[at_];
            if (is_line_end(c) || c == '#' || c == '!') {
                skip_natural_line();
                continue;
            }
            if (read(line)) return true;
        }
        return false;
    }

private:
    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    }

    void skip_natural_line() {
        while (at_ < text_.size() && !is_line_end(text_[at_])) ++at_;
        skip_line_end();
    }

    void skip_line_end() {
        if (at_ == text_.size()) return;
        const bool both = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
        at_ += both ? 2 : 1;
        ++line_;
    }

    // False when there was nothing but escaped line ends.
    bool read(std::string& line) {
        bool escaped = false;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (!is_line_end(c)) {
                line += c;
                escaped = c == '\\' && !escaped;
                continue;
            }
            skip_line_end();
            if (!escaped) return !line.empty();
            line.pop_back();
            escaped = false;
            skip_blanks();
            --at_;  // the loop steps over it again
        }
        const bool any = !line.empty();
        if (escaped) line.pop_back();
        return any;
    }

    std::string_view text_;
    size_t at_ = 0;
    int line_ = 1;
};

void append_utf8(std::string& out, uint32_t c) {
    const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            put(0xe0 | (c >> 12));
        } else {
            put(0xf0 | (c >> 18));
            put(0x80 | ((c >> 12) & 0x3f));
        }
        put(0x80 | ((c >> 6) & 0x3f));
    }
    put(0x80 | (c & 0x3f));
}

// The four hexadecimal digits of text[at..at+4), or nothing.
std::optional<uint32_t> hex4(std::string_view text, size_t at) {
    if (at + 4 > text.size()) return std::nullopt;
    uint32_t unit = 0;
    for (size_t i = at; i < at + 4; ++i) {
        const char c = text[i];
        uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<uint32_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<uint32_t>(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<uint32_t>(c - 'A') + 10;
        } else {
            return std::nullopt;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

// `at` is behind the "\u" and moves behind what was read. A surrogate without its other half
// becomes U+FFFD.
Result<void> unescape_unit(std::string_view text, size_t& at, std::string& out) {
    auto unit = hex4(text, at);
    if (!unit) return fail(ErrorCode::malformed, "\\u must be followed by four hexadecimal digits");
    at += 4;
    if (*unit >= 0xd800 && *unit < 0xdc00 && text.substr(at).starts_with("\\u")) {
        if (const auto low = hex4(text, at + 2); low && *low >= 0xdc00 && *low < 0xe000) {
            at += 6;
            append_utf8(out, 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00));
            return {};
        }
    }
    append_utf8(out, *unit >= 0xd800 && *unit < 0xe000 ? 0xfffd : *unit);
    return {};
}

Result<std::string> unescape(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        char c = text[at++];
        if (c != '\\' || at == text.size()) {
            out += c;
            continue;
        }
        c = text[at++];
        switch (c) {
            case 't':
                out += '\t';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 'f':
                out += '\f';
                break;
            case 'u':
                TRY_OK(unescape_unit(text, at, out));
                break;
            default:
                out += c;
        }
    }
    return out;
}

Result<Property> parse_line(std::string_view line) {
    size_t key_end = 0;
    for (bool escaped = false; key_end < line.size(); ++key_end) {
        const char c = line[key_end];
        if (!escaped && (c == '=' || c == ':' || is_blank(c))) break;
        escaped = c == '\\' && !escaped;
    }
    size_t value_at = key_end;
    const auto skip_blanks = [&] {
        while (value_at < line.size() && is_blank(line[value_at])) ++value_at;
    };
    skip_blanks();
    if (value_at < line.size() && (line[value_at] == '=' || line[value_at] == ':')) ++value_at;
    skip_blanks();
    TRY(std::string name, unescape(line.substr(0, key_end)));
    TRY(std::string value, unescape(line.substr(value_at)));
    return Property{.name = std::move(name), .value = std::move(value), .line = 0};
}

void escape(std::string_view text, bool is_key, std::string& out) {
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        switch (c) {
            case '\t':
                out += "\\t";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\\':
            case '=':
            case ':':
            case '#':
            case '!':
                (out += '\\') += c;
                break;
            case ' ':
                out += is_key || i == 0 ? "\\ " : " ";
                break;
            default:
                if (static_cast<unsigned char>(c) < ' ') {
                    out += fmt::format("\\u{:04x}", c);
                } else {
                    out += c;
                }
        }
    }
}

}  // namespace

Result<std::vector<Property>> parse_properties(std::string_view text) {
    std::vector<Property> out;
    LogicalLines lines(text);
    std::string line;
    for (int number = 0; lines.next(line, number);) {
        auto property = parse_line(line);
        if (!property)
            return fail(property.code(),
                        fmt::format("line {}: {}", number, property.error().message));
        property->line = number;
        out.push_back(*std::move(property));
    }
    return out;
}

std::string format_property(std::string_view name, std::string_view value) {
    std::string out;
    escape(name, true, out);
    out += '=';
    escape(value, false, out);
    out += '\n';
    return out;
}

}  // namespace millrace::config
