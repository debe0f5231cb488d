#include "config/config_def.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/check.h"
#include "config/text.h"

namespace millrace::config {
namespace {

Error refuse(const Def& def, std::string_view text, std::string_view why) {
    // A password stays out of messages and logs.
    if (def.sensitive())
        return fail(ErrorCode::invalid_config, fmt::format("{}: the value {}", def.name, why));
    return fail(ErrorCode::invalid_config,
                fmt::format("{}: the value '{}' {}", def.name, text, why));
}

Result<int64_t> parse_integer(const Def& def, std::string_view text) {
    std::string_view digits = text;
    if (digits.starts_with('+')) digits = digits.substr(1);
    int64_t n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    const bool signs_twice = text.starts_with('+') && digits.starts_with('-');
    const bool whole = error == std::errc{} && end == digits.data() + digits.size() && !signs_twice;
    int64_t limit = std::numeric_limits<int64_t>::max();
    if (def.type == Type::int32) limit = std::numeric_limits<int32_t>::max();
    if (def.type == Type::int16) limit = std::numeric_limits<int16_t>::max();
    if (!whole || n > limit || n < -limit - 1) {
        return refuse(def, text,
                      fmt::format("is not a whole number of type {}", type_name(def.type)));
    }
    return n;
}

// Java's Double.parseDouble: decimal or hexadecimal with a binary exponent, an f or d after it, NaN
// and Infinity.
bool is_java_double(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text = text.substr(1);
    if (text == "NaN" || text == "Infinity") return true;
    if (!text.empty() && std::string_view("fFdD").find(text.back()) != std::string_view::npos &&
        text.find_first_of("xX") == std::string_view::npos) {
        text = text.substr(0, text.size() - 1);
    }
    if (text.empty() || text.find_first_of("iInN") != std::string_view::npos) return false;
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex && text.find_first_of("pP") == std::string_view::npos) return false;
    const std::string copy(text);
    char* end = nullptr;
    std::strtod(copy.c_str(), &end);
    std::string_view rest(end);
    if (hex && (rest == "f" || rest == "F" || rest == "d" || rest == "D")) rest = {};
    return rest.empty() && (copy[0] == '.' || (copy[0] >= '0' && copy[0] <= '9'));
}

Result<double> parse_double(const Def& def, std::string_view text) {
    if (!is_java_double(text)) return refuse(def, text, "is not a number of type DOUBLE");
    if (text.ends_with("NaN")) return std::numeric_limits<double>::quiet_NaN();
    return std::strtod(std::string(text).c_str(), nullptr);
}

bool named(std::string_view names, std::string_view name, bool any_case) {
    for (const std::string& each : split_list(names)) {
        if (any_case ? equal_ignoring_case(each, name) : each == name) return true;
    }
    return false;
}

bool in_range(const Valid& valid, double n) {
    if (valid.has_exception && n == valid.exception) return true;
    // Written so that NaN passes, as it does in Kafka.
    return !(n < valid.lowest) && !(valid.bounded_above && n > valid.highest);
}

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool throttled_replicas_ok(const std::vector<std::string>& list) {
    if (list.size() == 1 && list[0] == "*") return true;
    return std::ranges::all_of(list, [](std::string_view pair) {
        const size_t colon = pair.find(':');
        return colon != std::string_view::npos && all_digits(pair.substr(0, colon)) &&
               all_digits(pair.substr(colon + 1));
    });
}

bool offset_reset_ok(std::string_view text) {
    constexpr std::string_view kByDuration = "by_duration:";
    if (text == "latest" || text == "earliest") return true;
    if (!text.starts_with(kByDuration)) return false;
    const auto duration = parse_iso_duration(text.substr(kByDuration.size()));
    return duration && *duration >= 0;
}

// The list without later repetitions, or why it is not allowed.
Result<Value> check_list(const Def& def, std::string_view text,
                         const std::vector<std::string>& list) {
    const Valid& valid = def.valid;
    if (valid.rule == Valid::Rule::throttled_replicas && !throttled_replicas_ok(list)) {
        return refuse(def, text, "is not allowed: " + describe_valid(def));
    }
    if (valid.rule != Valid::Rule::list_of) return Value{list};
    if (list.empty() && !valid.empty_ok)
        return refuse(def, text, "is not allowed: the list must not be empty");
    std::vector<std::string> unique;
    for (const std::string& element : list) {
        if (element.empty()) return refuse(def, text, "is not allowed: elements must not be empty");
        if (!valid.names.empty() && !named(valid.names, element, false)) {
            return refuse(def, element, "is not allowed: " + describe_valid(def));
        }
        if (std::ranges::find(unique, element) == unique.end()) unique.push_back(element);
    }
    return Value{std::move(unique)};
}

Result<Value> check_string(const Def& def, std::string_view text) {
    using Rule = Valid::Rule;
    bool ok = true;
    switch (def.valid.rule) {
        case Rule::one_of:
            ok = named(def.valid.names, text, false);
            break;
        case Rule::one_of_any_case:
            ok = named(def.valid.names, text, true);
            break;
        case Rule::non_empty_string:
            ok = !text.empty();
            break;
        case Rule::offset_reset:
            ok = offset_reset_ok(text);
            break;
        default:
            break;
    }
    if (!ok) return refuse(def, text, "is not allowed: " + describe_valid(def));
    return Value{std::string(text)};
}

Result<Value> parse_null(const Def& def) {
    using Rule = Valid::Rule;
    const Rule rule = def.valid.rule;
    const bool ok = rule == Rule::any || rule == Rule::non_empty_string ||
                    rule == Rule::non_empty_list || (rule == Rule::list_of && def.valid.null_ok);
    if (!ok) return fail(ErrorCode::invalid_config, fmt::format("{}: a value is needed", def.name));
    return Value{};
}

// Java's Double.toString.
std::string double_text(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    const double size = std::fabs(d);
    char buffer[64];
    if (d == 0 || (size >= 1e-3 && size < 1e7)) {
        const auto [end, _] =
            std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::fixed);
        std::string out(buffer, end);
        return out.find('.') == std::string::npos ? out + ".0" : out;
    }
    const auto [end, _] =
        std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::scientific);
    const std::string_view text(buffer, static_cast<size_t>(end - buffer));
    const size_t e = text.find('e');
    std::string mantissa(text.substr(0, e));
    if (mantissa.find('.') == std::string::npos) mantissa += ".0";
    return fmt::format("{}E{}", mantissa, std::atoi(std::string(text.substr(e + 1)).c_str()));
}

std::string bound_text(double bound) {
    return bound == std::floor(bound) ? fmt::format("{}", static_cast<int64_t>(bound))
                                      : fmt::format("{}", bound);
}

}  // namespace

Result<Value> parse(const Def& def, std::optional<std::string_view> said) {
    if (!said) return parse_null(def);
    const std::string_view text = trim(*said);
    switch (def.type) {
        case Type::boolean:
            if (equal_ignoring_case(text, "true")) return Value{true};
            if (equal_ignoring_case(text, "false")) return Value{false};
            return refuse(def, text, "is neither true nor false");
        case Type::int16:
        case Type::int32:
        case Type::int64: {
            TRY(const int64_t n, parse_integer(def, text));
            if (def.valid.rule == Valid::Rule::range &&
                !in_range(def.valid, static_cast<double>(n))) {
                return refuse(def, text, "is not allowed: " + describe_valid(def));
            }
            return Value{n};
        }
        case Type::float64: {
            TRY(const double d, parse_double(def, text));
            if (def.valid.rule == Valid::Rule::range && !in_range(def.valid, d)) {
                return refuse(def, text, "is not allowed: " + describe_valid(def));
            }
            return Value{d};
        }
        case Type::list:
            return check_list(def, text, split_list(text));
        case Type::string:
        case Type::class_name:
        case Type::password:
            return check_string(def, text);
    }
    return refuse(def, text, "has no type");
}

Value default_value(const Def& def) {
    if (!def.fallback.present) return {};
    auto value = parse(def, def.fallback.text);
    INVARIANT(value.has_value());
    return *std::move(value);
}

std::optional<std::string> to_text(const Value& value) {
    struct Print {
        std::optional<std::string> operator()(std::monostate) const { return std::nullopt; }
        std::optional<std::string> operator()(bool b) const { return b ? "true" : "false"; }
        std::optional<std::string> operator()(int64_t n) const { return std::to_string(n); }
        std::optional<std::string> operator()(double d) const { return double_text(d); }
        std::optional<std::string> operator()(const std::string& s) const { return s; }
        std::optional<std::string> operator()(const std::vector<std::string>& l) const {
            return join(l, ",");
        }
    };
    return std::visit(Print{}, value);
}

std::string_view type_name(Type type) {
    constexpr std::string_view kNames[] = {"",     "BOOLEAN", "STRING", "INT",   "SHORT",
                                           "LONG", "DOUBLE",  "LIST",   "CLASS", "PASSWORD"};
    return kNames[static_cast<size_t>(type)];
}

std::string describe_valid(const Def& def) {
    using Rule = Valid::Rule;
    const Valid& v = def.valid;
    switch (v.rule) {
        case Rule::any:
            return "";
        case Rule::range: {
            std::string text =
                v.bounded_above
                    ? fmt::format("between {} and {}", bound_text(v.lowest), bound_text(v.highest))
                    : fmt::format("at least {}", bound_text(v.lowest));
            return v.has_exception ? fmt::format("{}, or {}", text, bound_text(v.exception)) : text;
        }
        case Rule::one_of:
            return "one of " + join(split_list(v.names), ", ");
        case Rule::one_of_any_case:
            return "one of " + join(split_list(v.names), ", ") + " (in any case)";
        case Rule::list_of:
            if (!v.names.empty()) return "a list of " + join(split_list(v.names), ", ");
            return v.empty_ok ? "a list without empty elements" : "a list that is not empty";
        case Rule::non_empty_list:
            return "a list";
        case Rule::non_empty_string:
            return "a text that is not empty";
        case Rule::non_null_string:
            return "a text";
        case Rule::throttled_replicas:
            return "'*', or a list of partition:broker pairs";
        case Rule::offset_reset:
            return "'earliest', 'latest' or 'by_duration:' and a duration such as PT1H30M";
    }
    return "";
}

std::vector<std::string> split_list(std::string_view text) {
    text = trim(text);
    std::vector<std::string> out;
    if (text.empty()) return out;
    for (;;) {
        const size_t comma = text.find(',');
        out.emplace_back(trim(text.substr(0, comma)));
        if (comma == std::string_view::npos) return out;
        text = text.substr(comma + 1);
    }
}

}  // namespace millrace::config
