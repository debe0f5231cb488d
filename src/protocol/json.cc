#include "protocol/json.h"

#include <cmath>

#include <fmt/format.h>

#include "base/utf8.h"

namespace millrace::protocol {
namespace {

// As Java prints a double: the fewest digits that say it, always with a point; a power of ten below
// 10^-3 and from 10^7 on ("1.0E7").
std::string java_text(double v) {
    const double size = std::abs(v);
    const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
    std::string text = plain ? fmt::format("{}", v) : fmt::format("{:e}", v);
    if (plain) return text.contains('.') ? text : text + ".0";
    // The shortest digits come from the plain form; of {:e} only the exponent is wanted.
    const int exponent = std::stoi(text.substr(text.find('e') + 1));
    std::string digits;
    for (const char c : fmt::format("{}", v)) {
        if (c == 'e') break;
        if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
    }
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.size() < 2) digits += '0';
    return fmt::format("{}{}.{}E{}", v < 0 ? "-" : "", digits[0], digits.substr(1), exponent);
}

}  // namespace

void JsonWriter::element() {
    if (!first_) out_ += ',';
    first_ = false;
}

void JsonWriter::member(const char* name) {
    element();
    out_ += '"';
    out_ += name;
    out_ += "\":";
}

void JsonWriter::integer(int64_t v) {
    fmt::format_to(std::back_inserter(out_), "{}", v);
}

void JsonWriter::number(double v) {
    if (std::isfinite(v)) {
        out_ += java_text(v);
    } else {
        out_ += std::isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    }
}

void JsonWriter::string(std::string_view s) {
    out_ += '"';
    while (!s.empty()) {
        const char c = s[0];
        size_t n = 1;
        if (c == '"' || c == '\\') {
            out_ += '\\';
            out_ += c;
        } else if (static_cast<uint8_t>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(c));
        } else if (n = utf8_length(s); n > 0) {
            out_ += s.substr(0, n);
        } else {
            out_ += kReplacementCharacter;
            n = 1;
        }
        s.remove_prefix(n);
    }
    out_ += '"';
}

void JsonWriter::base64(ByteView b) {
    static constexpr char kAlphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out_ += '"';
    for (size_t i = 0; i < b.size(); i += 3) {
        const size_t n = std::min<size_t>(3, b.size() - i);
        const uint32_t bits = static_cast<uint32_t>(b[i]) << 16 |
                              (n > 1 ? static_cast<uint32_t>(b[i + 1]) << 8 : 0) |
                              (n > 2 ? static_cast<uint32_t>(b[i + 2]) : 0);
        for (size_t k = 0; k < 4; ++k) out_ += k <= n ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
    out_ += '"';
}

}  // namespace millrace::protocol
