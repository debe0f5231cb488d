#include "client/settings.h"

#include <fmt/format.h>

#include <charconv>

#include "config/properties.h"
#include "config/text.h"

namespace millrace::client {
namespace {

Error refuse(std::string_view name, std::string_view value, std::string_view wanted) {
    return fail(ErrorCode::invalid_config,
                fmt::format("{}={}: it must be {}", name, value, wanted));
}

}  // namespace

Result<Settings> Settings::parse(std::string_view text) {
    TRY(auto properties, config::parse_properties(text));
    Settings out;
    for (config::Property& property : properties)
        out.set(std::move(property.name), std::move(property.value));
    return out;
}

Result<void> Settings::set_pair(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
        return fail(ErrorCode::invalid_config, fmt::format("'{}' is not name=value", text));
    set(std::string(config::trim(text.substr(0, equals))),
        std::string(config::trim(text.substr(equals + 1))));
    return {};
}

std::optional<std::string_view> Settings::find(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    used_.emplace(name);
    return found->second;
}

Result<void> Settings::read(std::string_view name, std::string& out) const {
    if (const auto value = find(name)) out = *value;
    return {};
}

Result<void> Settings::read(std::string_view name, bool& out) const {
    const auto value = find(name);
    if (!value) return {};
    if (config::equal_ignoring_case(*value, "true")) {
        out = true;
    } else if (config::equal_ignoring_case(*value, "false")) {
        out = false;
    } else {
        return refuse(name, *value, "true or false");
    }
    return {};
}

Result<std::optional<int64_t>> Settings::read_number(std::string_view name, int64_t min,
                                                     int64_t max) const {
    const auto text = find(name);
    if (!text) return std::optional<int64_t>{};
    const std::string_view digits = config::trim(*text);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    if (error != std::errc{} || end != digits.end() || value < min || value > max)
        return refuse(name, *text, fmt::format("a whole number from {} to {}", min, max));
    return std::optional<int64_t>{value};
}

Result<void> Settings::read(std::string_view name, int64_t& out, int64_t min, int64_t max) const {
    TRY(const auto value, read_number(name, min, max));
    if (value) out = *value;
    return {};
}

Result<void> Settings::read(std::string_view name, int32_t& out, int64_t min, int64_t max) const {
    TRY(const auto value, read_number(name, min, std::min<int64_t>(max, INT32_MAX)));
    if (value) out = static_cast<int32_t>(*value);
    return {};
}

Result<void> Settings::read(std::string_view name, std::chrono::milliseconds& out, int64_t min,
                            int64_t max) const {
    TRY(const auto value, read_number(name, min, max));
    if (value) out = std::chrono::milliseconds(*value);
    return {};
}

Result<std::optional<size_t>> Settings::read_choice(
    std::string_view name, std::initializer_list<std::string_view> names) const {
    const auto value = find(name);
    if (!value) return std::optional<size_t>{};
    std::vector<std::string> allowed;
    for (const std::string_view each : names) {
        if (config::equal_ignoring_case(*value, each)) return std::optional{allowed.size()};
        allowed.emplace_back(each);
    }
    return refuse(name, *value, "one of " + config::join(allowed, ", "));
}

std::vector<std::string> Settings::unused() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : values_)
        if (!used_.contains(name)) out.push_back(name);
    return out;
}

}  // namespace millrace::client
