#include "config/text.h"

#include <charconv>
#include <cstdint>

namespace millrace::config {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Adds `count` units of `unit_ms`; false when the sum would not fit.
bool add(int64_t& sum, int64_t count, int64_t unit_ms) {
    int64_t product = 0;
    return !__builtin_mul_overflow(count, unit_ms, &product) &&
           !__builtin_add_overflow(sum, product, &sum);
}

// The optional fraction of a number of seconds, ".5" or ".123456789" (at most nine digits); false
// when it is malformed.
bool read_fraction(std::string_view& text, int64_t& nanos) {
    nanos = 0;
    if (!text.starts_with('.') && !text.starts_with(',')) return true;
    text = text.substr(1);
    int64_t scale = 100'000'000;
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        if (digits == 9) return false;
        nanos += (text[digits] - '0') * scale;
        scale /= 10;
    }
    text = text.substr(digits);
    return true;
}

struct Number {
    int64_t whole = 0;
    int64_t nanos = 0;
    bool negative = false;
    bool fraction = false;
};

std::optional<Number> read_number(std::string_view& text) {
    Number n;
    n.negative = text.starts_with('-');
    if (n.negative || text.starts_with('+')) text = text.substr(1);
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n.whole);
    if (error != std::errc{}) return std::nullopt;
    text = text.substr(static_cast<size_t>(end - text.data()));
    n.fraction = text.starts_with('.') || text.starts_with(',');
    if (!read_fraction(text, n.nanos)) return std::nullopt;
    return n;
}

}  // namespace

std::string_view trim(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += separator;
        out += parts[i];
    }
    return out;
}

std::optional<int64_t> parse_iso_duration(std::string_view text) {
    const bool negated = text.starts_with('-');
    if (negated || text.starts_with('+')) text = text.substr(1);
    if (text.empty() || lower(text[0]) != 'p') return std::nullopt;
    text = text.substr(1);

    struct Unit {
        char letter;
        int64_t ms;
    };
    constexpr Unit kDay[] = {{'d', 86'400'000}};
    constexpr Unit kTime[] = {{'h', 3'600'000}, {'m', 60'000}, {'s', 1'000}};
    int64_t sum = 0, nanos = 0;
    bool any = false;
    const auto read_units = [&](std::span<const Unit> units) {
        for (const Unit& unit : units) {
            std::string_view rest = text;
            const auto n = read_number(rest);
            if (!n || rest.empty() || lower(rest[0]) != unit.letter ||
                (n->fraction && unit.letter != 's'))
                continue;
            if (!add(sum, n->negative ? -n->whole : n->whole, unit.ms)) return false;
            nanos += n->negative ? -n->nanos : n->nanos;
            text = rest.substr(1);
            any = true;
        }
        return true;
    };
    if (!read_units(kDay)) return std::nullopt;
    if (!text.empty() && lower(text[0]) == 't') {
        text = text.substr(1);
        if (text.empty() || !read_units(kTime)) return std::nullopt;
    }
    if (!any || !text.empty()) return std::nullopt;
    if (negated && (sum == INT64_MIN)) return std::nullopt;
    if (negated) sum = -sum, nanos = -nanos;
    int64_t ms = nanos / 1'000'000;
    if (nanos % 1'000'000 < 0) --ms;
    if (!add(sum, ms, 1)) return std::nullopt;
    return sum;
}

}  // namespace millrace::config
