#include "config/loggers.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.h"

namespace millrace::config {
namespace {

constexpr std::string_view kRoot = "root";
constexpr std::string_view kDocumentation =
    "The least level that this logger writes: TRACE (as DEBUG), DEBUG, INFO, WARN, ERROR, FATAL "
    "(nothing).";

struct NamedLevel {
    std::string_view name;
    log::Level level;
};
// The first name of a level is the one that is shown.
constexpr NamedLevel kLevels[] = {
    {"DEBUG", log::Level::debug}, {"TRACE", log::Level::debug}, {"INFO", log::Level::info},
    {"WARN", log::Level::warn},   {"ERROR", log::Level::error}, {"FATAL", log::Level::off},
};

std::string_view name_of(log::Level level) {
    return std::ranges::find(kLevels, level, &NamedLevel::level)->name;
}

const NamedLevel* level_named(std::string_view name) {
    const auto* found = std::ranges::find(kLevels, name, &NamedLevel::name);
    return found == std::end(kLevels) ? nullptr : found;
}

Result<void> check(const Alteration& a) {
    if (a.op == AlterOp::append || a.op == AlterOp::subtract)
        return fail(ErrorCode::invalid_request, "a logger has one level: it can be set or removed");
    if (a.name != kRoot && !log::Room::named(a.name))
        return fail(ErrorCode::invalid_config, fmt::format("there is no logger '{}'", a.name));
    if (a.op == AlterOp::remove) {
        if (a.name == kRoot)
            return fail(ErrorCode::invalid_request, "the root logger must keep a level");
        return {};
    }
    if (!a.value) return fail(ErrorCode::invalid_request, fmt::format("{} needs a level", a.name));
    if (!level_named(*a.value))
        return fail(ErrorCode::invalid_config,
                    fmt::format("'{}' is not a level: TRACE, DEBUG, INFO, WARN, ERROR, FATAL are",
                                *a.value));
    return {};
}

}  // namespace

std::vector<Described> describe_loggers(const Keys& keys) {
    std::vector<Described> out;
    const auto add = [&](std::string_view name, log::Level level) {
        if (keys && !keys->empty() && std::ranges::find(*keys, name) == keys->end()) return;
        out.push_back({.name = std::string(name),
                       .value = std::string(name_of(level)),
                       .source = Source::dynamic_broker_logger,
                       .is_default = false,
                       .documentation = kDocumentation});
    };
    add(kRoot, log::level());
    for (const std::string_view room : log::kRooms) add(room, log::level(*log::Room::named(room)));
    std::ranges::sort(out, {}, &Described::name);
    return out;
}

Result<void> alter_loggers(const std::vector<Alteration>& alterations, bool validate_only) {
    std::set<std::string_view> names;
    for (const Alteration& a : alterations)
        if (!names.insert(a.name).second)
            return fail(ErrorCode::invalid_request, "a logger is named twice");
    for (const Alteration& a : alterations) TRY_OK(check(a));
    if (validate_only) return {};
    for (const Alteration& a : alterations) {
        const auto room = log::Room::named(a.name);
        if (a.op == AlterOp::remove) {
            log::set_level(*room, std::nullopt);
        } else if (room) {
            log::set_level(*room, level_named(*a.value)->level);
        } else {
            log::set_level(level_named(*a.value)->level);
        }
    }
    return {};
}

}  // namespace millrace::config
