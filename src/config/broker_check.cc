// The listeners of a node, and the rules of its configuration that span values.
#include <fmt/format.h>

#include <charconv>
#include <set>

#include "base/check.h"
#include "config/broker_config.h"
#include "config/text.h"

namespace millrace::config {
namespace {

template <typename... Args>
Error wrong(std::string_view name, fmt::format_string<Args...> text, Args&&... args) {
    return fail(ErrorCode::invalid_config,
                fmt::format("{}: {}", name, fmt::format(text, std::forward<Args>(args)...)));
}

std::string to_upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

Result<Endpoint> parse_endpoint(std::string_view name, std::string_view text) {
    const Error bad = wrong(name, "'{}' is not of the form LISTENER://host:port", text);
    const size_t scheme_end = text.find("://");
    const size_t colon = text.rfind(':');
    if (scheme_end == std::string_view::npos || scheme_end == 0 || colon < scheme_end + 3)
        return bad;
    std::string_view host = text.substr(scheme_end + 3, colon - scheme_end - 3);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const bool plain = std::ranges::all_of(host, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-%._:").find(c) != std::string_view::npos;
    });
    const std::string_view digits = text.substr(colon + 1);
    Endpoint out{.listener = to_upper(text.substr(0, scheme_end)), .host = std::string(host)};
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (!plain || error != std::errc{} || end != digits.data() + digits.size()) return bad;
    if (out.port < 0 || out.port > 65535)
        return wrong(name, "'{}' has a port outside 0..65535", text);
    return out;
}

// listener.security.protocol.map: LISTENER:PROTOCOL,...
Result<std::map<std::string, std::string>> protocol_map(const BrokerConfig& config) {
    constexpr std::string_view kName = "listener.security.protocol.map";
    constexpr std::string_view kProtocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    std::map<std::string, std::string> out;
    for (const std::string& entry : split_list(config.string(kName))) {
        const size_t colon = entry.find(':');
        const std::string protocol =
            colon == std::string::npos ? ""
                                       : to_upper(trim(std::string_view(entry).substr(colon + 1)));
        if (std::ranges::find(kProtocols, protocol) == std::end(kProtocols)) {
            return wrong(kName, "'{}' is not of the form LISTENER:PROTOCOL, with one of {}", entry,
                         join({std::begin(kProtocols), std::end(kProtocols)}, ", "));
        }
        out[to_upper(trim(std::string_view(entry).substr(0, colon)))] = protocol;
    }
    return out;
}

// Fills in the endpoints' protocols. A controller's listener without an entry is plaintext while
// the map is the default one.
Result<std::vector<Endpoint>> resolve(const BrokerConfig& config, std::string_view name,
                                      const std::vector<std::string>& texts) {
    TRY(auto endpoints, parse_endpoints(name, texts));
    TRY(const auto protocols, protocol_map(config));
    const bool map_said = config.said("listener.security.protocol.map").has_value();
    for (Endpoint& endpoint : endpoints) {
        const auto at = protocols.find(endpoint.listener);
        if (at != protocols.end()) {
            endpoint.security_protocol = at->second;
        } else if (!map_said && config.is_controller_listener(endpoint.listener)) {
            endpoint.security_protocol = "PLAINTEXT";
        } else {
            return wrong(name, "listener {} has no entry in listener.security.protocol.map",
                         endpoint.listener);
        }
    }
    return endpoints;
}

bool is_ipv6(const std::string& host) {
    return host.find(':') != std::string::npos;
}

Result<void> check_listeners(const BrokerConfig& config) {
    TRY(const auto endpoints, resolve(config, "listeners", config.list("listeners")));
    std::set<std::string> names;
    std::map<int32_t, std::vector<const Endpoint*>> by_port;
    for (const Endpoint& endpoint : endpoints) {
        if (!names.insert(endpoint.listener).second)
            return wrong("listeners", "{} is there twice", endpoint.listener);
        if (endpoint.port != 0) by_port[endpoint.port].push_back(&endpoint);
    }
    for (const auto& [port, same] : by_port) {
        // One address family each may share a port.
        const bool pair = same.size() == 2 && is_ipv6(same[0]->host) != is_ipv6(same[1]->host);
        if (same.size() > 1 && !pair) return wrong("listeners", "port {} is there twice", port);
    }
    return {};
}

bool has_role(const BrokerConfig& config, std::string_view role) {
    const std::vector<std::string> roles = config.list("process.roles");
    return std::ranges::find(roles, role) != roles.end();
}

// What clients and other brokers connect to.
Result<void> check_advertised(const BrokerConfig& config) {
    const bool said = !config.is_null("advertised.listeners");
    const std::string_view name = said ? "advertised.listeners" : "listeners";
    TRY(auto advertised, resolve(config, name, config.list(name)));
    std::erase_if(advertised,
                  [&](const Endpoint& e) { return config.is_controller_listener(e.listener); });
    std::set<std::string> names;
    for (const Endpoint& endpoint : advertised) {
        if (!names.insert(endpoint.listener).second)
            return wrong(name, "{} is there twice", endpoint.listener);
        if (said && (endpoint.host == "0.0.0.0" || endpoint.host == "::")) {
            return wrong(name, "{} is no address that a client can connect to", endpoint.host);
        }
    }
    if (!has_role(config, "broker")) return {};
    if (advertised.empty())
        return wrong(name, "there must be a listener that is not in controller.listener.names");
    TRY(const auto listening, parse_endpoints("listeners", config.list("listeners")));
    for (const std::string& each : names) {
        if (std::ranges::find(listening, each, &Endpoint::listener) == listening.end())
            return wrong(name, "{} is not one of listeners", each);
    }
    const std::string inter_broker = config.said("inter.broker.listener.name")
                                         ? config.string("inter.broker.listener.name")
                                         : config.string("security.inter.broker.protocol");
    if (names.contains(to_upper(inter_broker))) return {};
    return wrong(name,
                 "the listener between brokers, {} (inter.broker.listener.name or "
                 "security.inter.broker.protocol), is missing",
                 inter_broker);
}

// controller.quorum.voters: id@host:port,...
Result<void> check_quorum(const BrokerConfig& config) {
    constexpr std::string_view kVoters = "controller.quorum.voters";
    std::set<int64_t> ids;
    for (const std::string& voter : config.list(kVoters)) {
        const size_t at = voter.find('@'), colon = voter.rfind(':');
        int64_t id = 0, port = 0;
        const bool ok =
            at != std::string::npos && colon != std::string::npos && colon > at + 1 &&
            std::from_chars(voter.data(), voter.data() + at, id).ptr == voter.data() + at &&
            std::from_chars(voter.data() + colon + 1, voter.data() + voter.size(), port).ptr ==
                voter.data() + voter.size();
        if (!ok) return wrong(kVoters, "'{}' is not of the form id@host:port", voter);
        ids.insert(id);
    }
    if (!ids.empty() && has_role(config, "controller") && !ids.contains(config.node_id())) {
        return wrong(kVoters, "node.id {} is not among them, and this node is a controller",
                     config.node_id());
    }
    const std::vector<std::string> protocols = config.list("group.coordinator.rebalance.protocols");
    if (std::ranges::find(protocols, "classic") == protocols.end()) {
        return wrong("group.coordinator.rebalance.protocols", "'classic' cannot be left out");
    }
    return {};
}

// `lower` <= `upper`, both names.
struct Order {
    std::string_view lower, upper;
};
constexpr Order kOrders[] = {
    {"group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
    {"group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"},
    {"group.consumer.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
    {"group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
    {"group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"},
    {"group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
    {"group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
    {"group.consumer.min.assignment.interval.ms", "group.consumer.assignment.interval.ms"},
    {"group.consumer.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
    {"group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
    {"group.share.min.heartbeat.interval.ms", "group.share.heartbeat.interval.ms"},
    {"group.share.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
    {"group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
    {"group.share.min.session.timeout.ms", "group.share.session.timeout.ms"},
    {"group.share.session.timeout.ms", "group.share.max.session.timeout.ms"},
    {"group.share.min.record.lock.duration.ms", "group.share.record.lock.duration.ms"},
    {"group.share.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"},
    {"group.share.min.delivery.count.limit", "group.share.delivery.count.limit"},
    {"group.share.delivery.count.limit", "group.share.max.delivery.count.limit"},
    {"group.share.min.partition.max.record.locks", "group.share.partition.max.record.locks"},
    {"group.share.partition.max.record.locks", "group.share.max.partition.max.record.locks"},
    {"group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
    {"group.share.min.assignment.interval.ms", "group.share.assignment.interval.ms"},
    {"group.share.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
    {"group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
    {"group.streams.min.heartbeat.interval.ms", "group.streams.heartbeat.interval.ms"},
    {"group.streams.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
    {"group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
    {"group.streams.min.session.timeout.ms", "group.streams.session.timeout.ms"},
    {"group.streams.session.timeout.ms", "group.streams.max.session.timeout.ms"},
    {"group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
    {"group.streams.min.assignment.interval.ms", "group.streams.assignment.interval.ms"},
    {"group.streams.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
    {"group.streams.num.standby.replicas", "group.streams.max.standby.replicas"},
    {"replica.fetch.wait.max.ms", "replica.socket.timeout.ms"},
    {"replica.fetch.wait.max.ms", "replica.lag.time.max.ms"},
};

Result<void> check_orders(const BrokerConfig& config) {
    for (const Order& order : kOrders) {
        const int64_t lower = config.int64(order.lower), upper = config.int64(order.upper);
        if (lower <= upper) continue;
        // Speaks of the one that somebody said.
        if (config.said(order.lower)) {
            return wrong(order.lower, "{} is more than {} allows ({})", lower, order.upper, upper);
        }
        return wrong(order.upper, "{} is less than {} ({})", upper, order.lower, lower);
    }
    for (const std::string_view kind : {"group.consumer.", "group.share.", "group.streams."}) {
        const std::string heartbeat = fmt::format("{}heartbeat.interval.ms", kind),
                          session = fmt::format("{}session.timeout.ms", kind);
        if (config.int64(heartbeat) >= config.int64(session)) {
            return wrong(heartbeat, "{} must be less than {} ({})", config.int64(heartbeat),
                         session, config.int64(session));
        }
    }
    return {};
}

// The configuration that a time in several units was said by.
std::string_view said_unit(const BrokerConfig& config,
                           std::initializer_list<std::string_view> finest_first) {
    for (const std::string_view name : finest_first) {
        if (!config.is_null(name)) return name;
    }
    return *finest_first.begin();
}

Result<void> check_logs(const BrokerConfig& config) {
    const auto retention =
        said_unit(config, {"log.retention.ms", "log.retention.minutes", "log.retention.hours"});
    if (config.int64(retention) == 0)
        return wrong(retention, "0 is not allowed: -1 for ever, or at least 1");
    const auto roll = said_unit(config, {"log.roll.ms", "log.roll.hours"});
    if (config.int64(roll) < 1)
        return wrong(roll, "{} is not allowed: at least 1", config.int64(roll));
    const auto jitter = said_unit(config, {"log.roll.jitter.ms", "log.roll.jitter.hours"});
    if (config.int64(jitter) < 0)
        return wrong(jitter, "{} is not allowed: at least 0", config.int64(jitter));
    const int64_t codec = config.int64("offsets.topic.compression.codec");
    if (codec < 0 || codec > 4)
        return wrong("offsets.topic.compression.codec", "{} is not allowed: 0 to 4", codec);
    constexpr int64_t kDedupeBytesMin = 1 << 20;
    const int64_t per_cleaner = config.int64("log.cleaner.dedupe.buffer.size") /
                                std::max<int64_t>(config.int64("log.cleaner.threads"), 1);
    if (per_cleaner < kDedupeBytesMin)
        return wrong("log.cleaner.dedupe.buffer.size",
                     "{} bytes for each cleaner thread are less than {}", per_cleaner,
                     kDedupeBytesMin);
    const std::vector<std::string> dirs = config.log_dirs(),
                                   cordoned = config.list("cordoned.log.dirs");
    if (cordoned.size() == 1 && cordoned[0] == "*") return {};
    for (const std::string& dir : cordoned) {
        if (std::ranges::find(dirs, dir) == dirs.end())
            return wrong("cordoned.log.dirs", "{} is not one of log.dirs", dir);
    }
    return {};
}

Result<void> check_connections(const BrokerConfig& config) {
    constexpr std::string_view kOverrides = "max.connections.per.ip.overrides";
    for (const std::string& entry : split_list(config.string(kOverrides))) {
        const size_t colon = entry.rfind(':');
        int32_t n = 0;
        const char* const end = entry.data() + entry.size();
        const bool ok = colon != std::string::npos &&
                        std::from_chars(entry.data() + colon + 1, end, n).ptr == end;
        if (!ok) return wrong(kOverrides, "'{}' is not of the form address:count", entry);
    }
    if (config.int64("max.connections.per.ip") == 0 && config.string(kOverrides).empty()) {
        return wrong("max.connections.per.ip", "0 is allowed only where {} is set", kOverrides);
    }
    const int64_t queued = config.int64("queued.max.request.bytes"),
                  request = config.int64("socket.request.max.bytes");
    if (queued > 0 && queued < request) {
        return wrong("queued.max.request.bytes", "{} is less than socket.request.max.bytes ({})",
                     queued, request);
    }
    return {};
}

}  // namespace

Result<std::vector<Endpoint>> parse_endpoints(std::string_view name,
                                              const std::vector<std::string>& texts) {
    std::vector<Endpoint> out;
    for (const std::string& text : texts) {
        TRY(Endpoint endpoint, parse_endpoint(name, text));
        out.push_back(std::move(endpoint));
    }
    return out;
}

std::vector<Endpoint> BrokerConfig::listeners() const {
    auto endpoints = resolve(*this, "listeners", list("listeners"));
    INVARIANT(endpoints.has_value());
    return *std::move(endpoints);
}

std::vector<Endpoint> BrokerConfig::advertised_listeners() const {
    const std::string_view name =
        is_null("advertised.listeners") ? "listeners" : "advertised.listeners";
    auto endpoints = resolve(*this, name, list(name));
    INVARIANT(endpoints.has_value());
    std::erase_if(*endpoints,
                  [this](const Endpoint& e) { return is_controller_listener(e.listener); });
    return *std::move(endpoints);
}

// Only where a file says both: then they were meant for each other. A port given on the command
// line stands for itself, and a quorum of one needs no listener for controllers.
Result<void> BrokerConfig::check_controller_listeners() const {
    const auto names = origins_.find("controller.listener.names"), all = origins_.find("listeners");
    if (names == origins_.end() || all == origins_.end() || names->second.file.empty()) return {};
    if (names->second.file != all->second.file) return {};
    const bool has_one = std::ranges::any_of(
        listeners(), [this](const Endpoint& e) { return is_controller_listener(e.listener); });
    if (has_role(*this, "controller") && !has_one) {
        return wrong("controller.listener.names",
                     "none of them is one of listeners, and this node is a controller");
    }
    if (!has_role(*this, "controller") && has_one) {
        return wrong("controller.listener.names",
                     "one of them is one of listeners, but this node is no controller");
    }
    const std::vector<std::string> controllers = list("controller.listener.names");
    for (const std::string& early : list("early.start.listeners")) {
        const auto is_early = [&](const Endpoint& e) {
            return equal_ignoring_case(e.listener, early);
        };
        if (!std::ranges::any_of(listeners(), is_early) && !is_controller_listener(early)) {
            return wrong("early.start.listeners", "{} is not one of listeners", early);
        }
    }
    return {};
}

Result<void> BrokerConfig::check() const {
    if (int64("node.id") != int64("broker.id")) {
        return wrong("broker.id", "{} is not the same as node.id ({})", int64("broker.id"),
                     int64("node.id"));
    }
    if (said("inter.broker.listener.name") && said("security.inter.broker.protocol")) {
        return wrong("security.inter.broker.protocol",
                     "must not be set together with inter.broker.listener.name");
    }
    TRY_OK(check_listeners(*this));
    TRY_OK(check_advertised(*this));
    TRY_OK(check_controller_listeners());
    TRY_OK(check_quorum(*this));
    TRY_OK(check_orders(*this));
    TRY_OK(check_logs(*this));
    return check_connections(*this);
}

}  // namespace millrace::config
