#include "config/validate.h"

#include <fmt/format.h>

#include <charconv>
#include <regex>

#include "config/broker_config.h"
#include "config/text.h"
#include "config/topic_config.h"

namespace millrace::config {
namespace {

template <typename... Args>
Error wrong(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
    return fail(code, fmt::format(text, std::forward<Args>(args)...));
}

// Every name known, then every value allowed.
Result<void> validate_each(Scope scope, std::string_view what, const Overrides& overrides) {
    for (const auto& [name, text] : overrides) {
        if (find(scope, name) == nullptr)
            return wrong(ErrorCode::invalid_config, "Unknown {} configuration: {}", what, name);
    }
    for (const auto& [name, text] : overrides) TRY_OK(parse(*find(scope, name), text));
    return {};
}

int64_t integer_of(Scope scope, const Overrides& overrides, std::string_view name) {
    return std::get<int64_t>(*parse(*find(scope, name), overrides.find(name)->second));
}

Result<void> validate_remote_storage(const TopicConfig& after, bool before, const Overrides& said,
                                     const BrokerConfig& broker) {
    if (!after.remote_storage) {
        if (before && !after.remote_delete_on_disable) {
            return wrong(
                ErrorCode::invalid_config,
                "remote.storage.enable cannot be taken back while the tiered data stays: set "
                "remote.log.delete.on.disable=true as well, or remote.log.copy.disable=true "
                "instead");
        }
        return {};
    }
    if (!broker.boolean("remote.log.storage.system.enable")) {
        return wrong(ErrorCode::invalid_config,
                     "remote.storage.enable: tiered storage is not enabled on this broker");
    }
    if (after.cleanup_compact)
        return wrong(ErrorCode::invalid_config,
                     "remote.storage.enable: a compacted topic cannot be tiered");
    const auto check = [&](std::string_view local, int64_t local_limit, std::string_view whole,
                           int64_t whole_limit) -> Result<void> {
        if (local_limit == -2 || whole_limit == -1 ||
            (local_limit >= 0 && local_limit <= whole_limit))
            return {};
        return wrong(ErrorCode::invalid_config, "{}: {} is more than {} ({})", local, local_limit,
                     whole, whole_limit);
    };
    TRY_OK(
        check("local.retention.ms", after.local_retention_ms, "retention.ms", after.retention_ms));
    TRY_OK(check("local.retention.bytes", after.local_retention_bytes, "retention.bytes",
                 after.retention_bytes));
    if (after.remote_copy_disable && said.contains("remote.log.copy.disable") &&
        ((after.local_retention_ms != -2 && after.local_retention_ms != after.retention_ms) ||
         (after.local_retention_bytes != -2 &&
          after.local_retention_bytes != after.retention_bytes))) {
        return wrong(ErrorCode::invalid_config,
                     "remote.log.copy.disable: local retention must be the whole retention where "
                     "nothing is copied");
    }
    return {};
}

// The limits that a group's configuration has in the broker's: name without `kind`'s prefix, least
// and most allowed.
struct GroupLimit {
    std::string_view name, least, most;
};
constexpr GroupLimit kGroupLimits[] = {
    {"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
     "group.consumer.max.heartbeat.interval.ms"},
    {"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms",
     "group.consumer.max.session.timeout.ms"},
    {"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms",
     "group.consumer.max.assignment.interval.ms"},
    {"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms",
     "group.share.max.heartbeat.interval.ms"},
    {"share.session.timeout.ms", "group.share.min.session.timeout.ms",
     "group.share.max.session.timeout.ms"},
    {"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms",
     "group.share.max.record.lock.duration.ms"},
    {"share.delivery.count.limit", "group.share.min.delivery.count.limit",
     "group.share.max.delivery.count.limit"},
    {"share.partition.max.record.locks", "group.share.min.partition.max.record.locks",
     "group.share.max.partition.max.record.locks"},
    {"share.assignment.interval.ms", "group.share.min.assignment.interval.ms",
     "group.share.max.assignment.interval.ms"},
    {"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms",
     "group.streams.max.heartbeat.interval.ms"},
    {"streams.session.timeout.ms", "group.streams.min.session.timeout.ms",
     "group.streams.max.session.timeout.ms"},
    {"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
    {"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms",
     "group.streams.max.assignment.interval.ms"},
};

// What of a subscription's `match` selects clients by.
constexpr std::string_view kMatchFields[] = {"client_id",
                                             "client_instance_id",
                                             "client_software_name",
                                             "client_software_version",
                                             "client_source_address",
                                             "client_source_port"};

// The library recurses over the pattern and throws on a bad one; the length bounds its stack.
constexpr size_t kPatternBytesMax = 1000;

bool is_pattern(std::string_view text) {
    if (text.size() > kPatternBytesMax) return false;
    try {
        std::regex compiled{std::string(text)};
        return true;
    } catch (const std::regex_error&) {
        return false;
    }
}

// Names that only a broker's own dynamic configuration may have.
bool per_broker_only(std::string_view name) {
    const Def* def = find_broker(name);
    if (def == nullptr || def->name == "max.connections" ||
        def->name == "max.connection.creation.rate" || def->name == "num.network.threads") {
        return false;
    }
    return def->update == Update::per_broker || name != def->name;
}

bool is_listener_security(const Def& def) {
    return def.update == Update::per_broker && def.name.starts_with("ssl.");
}

// Names that match, for a message; empty when there are none.
template <typename Predicate>
std::string names_where(const Overrides& overrides, Predicate predicate) {
    std::vector<std::string> names;
    for (const auto& [name, text] : overrides) {
        if (predicate(name)) names.push_back(name);
    }
    return join(names, ", ");
}

Result<void> check_alterable(const Overrides& after, bool for_all) {
    const auto refuse = [](std::string_view why, const std::string& names) -> Result<void> {
        if (names.empty()) return {};
        return wrong(ErrorCode::invalid_request, "{}: {}", why, names);
    };
    TRY_OK(refuse("These configurations cannot be altered while the broker runs",
                  names_where(after, [](std::string_view name) {
                      const Def* def = find(Scope::broker, name);
                      return def != nullptr && def->update == Update::read_only;
                  })));
    TRY_OK(refuse(
        "These configurations can be altered for a listener only (listener.name.<listener>.<name>)",
        names_where(after, [](std::string_view name) {
            const Def* def = find(Scope::broker, name);
            return def != nullptr && is_listener_security(*def);
        })));
    if (!for_all) return {};
    return refuse("These configurations can be altered for one broker only, not for all",
                  names_where(after, per_broker_only));
}

// Pools are resized step by step.
Result<void> check_threads(const BrokerConfig& after, const BrokerConfig& before) {
    for (const std::string_view name :
         {"background.threads", "log.cleaner.threads", "num.io.threads", "num.network.threads",
          "num.recovery.threads.per.data.dir", "num.replica.fetchers"}) {
        const int64_t now = before.int64(name), then = after.int64(name);
        if (then < 1 || then > now * 2 || then < now / 2) {
            return wrong(ErrorCode::invalid_request,
                         "{}: {} is less than half or more than twice the present {}", name, then,
                         now);
        }
    }
    return {};
}

// A controller that has a listener keeps one.
Result<void> check_controller_listener(const BrokerConfig& after, const BrokerConfig& before) {
    const auto has_one = [](const BrokerConfig& config) {
        return std::ranges::any_of(config.listeners(), [&](const Endpoint& e) {
            return config.is_controller_listener(e.listener);
        });
    };
    if (!has_one(before) || has_one(after)) return {};
    return wrong(ErrorCode::invalid_request,
                 "listeners: one of controller.listener.names must be among them");
}

Result<void> check_local_retention(const BrokerConfig& after) {
    const int64_t whole_ms = after.log_retention_ms(),
                  whole_bytes = after.int64("log.retention.bytes");
    const auto check = [](std::string_view name, int64_t local, int64_t whole) -> Result<void> {
        if (whole == -1 || local == -2 || (local != -1 && local <= whole)) return {};
        return wrong(ErrorCode::invalid_request, "{}: {} is more than the whole retention ({})",
                     name, local, whole);
    };
    TRY_OK(check("log.local.retention.ms", after.int64("log.local.retention.ms"), whole_ms));
    return check("log.local.retention.bytes", after.int64("log.local.retention.bytes"),
                 whole_bytes);
}

std::vector<std::string> raw_parts(std::string_view text, bool keep_empty) {
    std::vector<std::string> out;
    for (;;) {
        const size_t comma = text.find(',');
        if (keep_empty || comma != 0) {
            if (const auto part = text.substr(0, comma); keep_empty || !part.empty())
                out.emplace_back(part);
        }
        if (comma == std::string_view::npos) return out;
        text = text.substr(comma + 1);
    }
}

Result<void> alter_list(Scope scope, const Alteration& a, Overrides& overrides) {
    const bool append = a.op == AlterOp::append;
    const Def* def = scope == Scope::broker ? find_broker(a.name) : find(scope, a.name);
    if (def == nullptr || def->type != Type::list) {
        return wrong(ErrorCode::invalid_config, "{}: {} works on lists only", a.name,
                     append ? "append" : "subtract");
    }
    const auto own = overrides.find(a.name);
    std::vector<std::string> parts = raw_parts(
        own != overrides.end() ? std::string_view(own->second) : def->fallback.text, false);
    for (std::string& part : raw_parts(*a.value, true)) {
        const auto at = std::ranges::find(parts, part);
        if (append && at == parts.end()) parts.push_back(std::move(part));
        if (!append && at != parts.end()) parts.erase(at);
    }
    overrides[a.name] = join(parts, ",");
    return {};
}

}  // namespace

Result<void> validate_topic(const Overrides& after, const Overrides& before,
                            const BrokerConfig& broker) {
    TRY_OK(validate_each(Scope::topic, "topic", after));
    const auto config = TopicConfig::make(after, broker);
    if (config->min_compaction_lag_ms > config->max_compaction_lag_ms) {
        return wrong(ErrorCode::invalid_config,
                     "min.compaction.lag.ms: {} is more than max.compaction.lag.ms ({})",
                     config->min_compaction_lag_ms, config->max_compaction_lag_ms);
    }
    const bool was_remote = before.contains("remote.storage.enable") &&
                            TopicConfig::make(before, broker)->remote_storage;
    return validate_remote_storage(*config, was_remote, after, broker);
}

Result<void> validate_group(std::string_view group, const Overrides& after,
                            const BrokerConfig& broker) {
    if (group.empty()) return wrong(ErrorCode::invalid_request, "A group's name must not be empty");
    TRY_OK(validate_each(Scope::group, "group", after));
    for (const GroupLimit& limit : kGroupLimits) {
        if (!after.contains(limit.name)) continue;
        const int64_t n = integer_of(Scope::group, after, limit.name);
        if (!limit.least.empty() && n < broker.int64(limit.least)) {
            return wrong(ErrorCode::invalid_config, "{}: {} is less than {} ({})", limit.name, n,
                         limit.least, broker.int64(limit.least));
        }
        if (n > broker.int64(limit.most)) {
            return wrong(ErrorCode::invalid_config, "{}: {} is more than {} ({})", limit.name, n,
                         limit.most, broker.int64(limit.most));
        }
    }
    for (const std::string_view kind : {"consumer.", "share.", "streams."}) {
        const auto effective = [&](std::string_view name) {
            const std::string full = fmt::format("{}{}", kind, name);
            return after.contains(full) ? integer_of(Scope::group, after, full)
                                        : broker.int64("group." + full);
        };
        if (effective("heartbeat.interval.ms") >= effective("session.timeout.ms")) {
            return wrong(ErrorCode::invalid_config,
                         "{}heartbeat.interval.ms: {} must be less than {}session.timeout.ms ({})",
                         kind, effective("heartbeat.interval.ms"), kind,
                         effective("session.timeout.ms"));
        }
    }
    return {};
}

Result<void> validate_client_metrics(std::string_view subscription, const Overrides& after) {
    if (subscription.empty())
        return wrong(ErrorCode::invalid_request, "A subscription's name must not be empty");
    for (const auto& [name, text] : after) {
        const Def* def = find(Scope::client_metrics, name);
        if (def == nullptr)
            return wrong(ErrorCode::invalid_request, "Unknown client-metrics configuration: {}",
                         name);
        TRY(const Value value, parse(*def, text));
        if (name == "interval.ms") {
            const int64_t ms = std::get<int64_t>(value);
            if (ms < 100 || ms > 3'600'000)
                return wrong(ErrorCode::invalid_request,
                             "interval.ms: {} is not between 100 and 3600000", ms);
        }
        if (name != "match") continue;
        for (const std::string& entry : std::get<std::vector<std::string>>(value)) {
            const size_t equals = entry.find('=');
            const std::string_view field = trim(std::string_view(entry).substr(0, equals));
            const std::string_view pattern =
                equals == std::string::npos ? "" : trim(std::string_view(entry).substr(equals + 1));
            const bool ok = std::ranges::find(kMatchFields, field) != std::end(kMatchFields) &&
                            !pattern.empty() && pattern.find('=') == std::string_view::npos &&
                            is_pattern(pattern);
            if (!ok)
                return wrong(ErrorCode::invalid_config,
                             "match: '{}' is not <field>=<pattern>, with a field of {}", entry,
                             join({std::begin(kMatchFields), std::end(kMatchFields)}, ", "));
        }
    }
    return {};
}

Result<void> validate_broker(const Overrides& after, bool for_all, const BrokerConfig& broker) {
    TRY_OK(check_alterable(after, for_all));
    for (const auto& [name, text] : after) {
        const Def* def = find_broker(name);
        if (def == nullptr) continue;
        if (const auto parsed = parse(*def, text); !parsed)
            return fail(ErrorCode::invalid_request, parsed.error().message);
    }
    const BrokerConfig candidate =
        for_all ? broker.with_dynamic(broker.level(Source::dynamic_broker), after)
                : broker.with_dynamic(after, broker.level(Source::dynamic_default_broker));
    if (const auto checked = candidate.check(); !checked)
        return fail(ErrorCode::invalid_request, checked.error().message);
    TRY_OK(check_threads(candidate, broker));
    TRY_OK(check_controller_listener(candidate, broker));
    TRY_OK(check_local_retention(candidate));
    if (candidate.int64("max.connection.creation.rate") < 1) {
        return wrong(ErrorCode::invalid_request,
                     "max.connection.creation.rate: must be at least 1");
    }
    return {};
}

Result<void> validate_broker_name(std::string_view resource, NodeId node) {
    if (resource.empty()) return {};
    NodeId said = 0;
    const auto [end, error] =
        std::from_chars(resource.data(), resource.data() + resource.size(), said);
    if (error != std::errc{} || end != resource.data() + resource.size()) {
        return wrong(ErrorCode::invalid_request, "A broker is named by its number, not '{}'",
                     resource);
    }
    if (said != node)
        return wrong(ErrorCode::invalid_request, "This is broker {}, not {}", node, said);
    return {};
}

Result<Overrides> apply_alterations(Scope scope, const Overrides& current,
                                    const std::vector<Alteration>& alterations) {
    Overrides out = current;
    std::map<std::string_view, int> seen;
    for (const Alteration& a : alterations) {
        if (++seen[a.name] > 1)
            return wrong(ErrorCode::invalid_request, "{} is to be altered twice", a.name);
        if (a.op != AlterOp::remove && !a.value)
            return wrong(ErrorCode::invalid_request, "{}: a value is needed", a.name);
        // Kafka has no better answer either.
        if (a.op < AlterOp::set || a.op > AlterOp::subtract) {
            return wrong(ErrorCode::unknown_server_error, "{}: there is no such operation", a.name);
        }
        switch (a.op) {
            case AlterOp::set:
                out[a.name] = *a.value;
                break;
            case AlterOp::remove:
                out.erase(a.name);
                break;
            case AlterOp::append:
            case AlterOp::subtract:
                TRY_OK(alter_list(scope, a, out));
                break;
        }
    }
    return out;
}

}  // namespace millrace::config
