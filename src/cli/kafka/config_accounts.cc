#include <charconv>

#include "cli/kafka/config_entities.h"
#include "base/java_order.h"
#include "net/scram.h"
#include "protocol/json.h"

namespace millrace::cli::kafka {
namespace {

std::string java_double(double value) {
    protocol::JsonWriter out(0, protocol::Secrets::shown);
    out.number(value);
    return out.take();
}

std::string_view quota_title(std::string_view type) {
    return type == "user" ? "user-principal" : type;
}

Result<void> describe_quotas(const Console& console, Session& session,
                             const std::vector<Entity>& entities) {
    client::QuotaFilter filter;
    for (const Entity& entity : entities) {
        using enum client::QuotaFilter::Match;
        filter.parts.push_back({std::string{entity.kind->quota},
                                !entity.name           ? any
                                : entity.name->empty() ? unnamed
                                                       : exact,
                                entity.name.value_or("")});
    }
    TRY(const auto found, session.wait(session.admin().describe_quotas(std::move(filter))));
    for (const client::Quotas& quotas : found) {
        std::string title;
        for (const std::string_view type : {"user", "client-id", "ip"})
            for (const auto& [kind, name] : quotas.entity.parts)
                if (kind == type)
                    title += fmt::format("{}{}", title.empty() ? "" : ", ",
                                         name ? fmt::format("{} '{}'", quota_title(type), *name)
                                              : fmt::format("the default {}", quota_title(type)));
        std::string values;
        for (const auto& [key, value] : quotas.values)
            values += fmt::format("{}{}={}", values.empty() ? "" : ", ", key, java_double(value));
        console.line(fmt::format("Quota configs for {} are {}", title, values));
    }
    return {};
}

// The passwords of users, of all of them or of one.
Result<void> describe_scram(const Console& console, Session& session, const Entity& user) {
    std::vector<std::string> names;
    if (user.name) names.push_back(*user.name);
    TRY(auto users, session.wait(session.admin().describe_scram_users(std::move(names))));
    java_order(users, [](const client::ScramUser& one) { return std::string_view{one.name}; });
    for (const client::ScramUser& one : users) {
        if (one.error.code == ErrorCode::resource_not_found) continue;
        if (one.error.code != ErrorCode::none) return one.error;
        std::string credentials;
        for (const client::ScramCredential& credential : one.credentials)
            credentials +=
                fmt::format("{}{}=iterations={}", credentials.empty() ? "" : ", ",
                            net::scram_name(credential.mechanism), credential.iterations);
        console.line(fmt::format("SCRAM credential configs for user-principal '{}' are {}",
                                 one.name, credentials));
    }
    return {};
}

// "[iterations=n,]password=p"
Result<client::ScramUpsertion> read_credential(const std::string& user,
                                               client::ScramMechanism mechanism,
                                               std::string_view text) {
    client::ScramUpsertion out{.user = user, .mechanism = mechanism};
    std::string name{net::scram_name(mechanism)};
    std::string_view rest = text;
    constexpr std::string_view kIterations = "iterations=";
    const size_t comma = rest.find(',');
    if (rest.starts_with(kIterations) && comma != rest.npos) {
        const std::string_view number = rest.substr(kIterations.size(), comma - kIterations.size());
        if (std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) {
            const auto [stop, error] =
                std::from_chars(number.data(), number.data() + number.size(), out.iterations);
            if (error != std::errc{})
                return refused(fmt::format("For input string: \"{}\"", number));
            if (out.iterations < net::kScramIterationsMin)
                return refused(
                    fmt::format("Iterations {} is less than the minimum {} required for "
                                "{}",
                                out.iterations, net::kScramIterationsMin, name));
            rest.remove_prefix(comma + 1);
        }
    }
    constexpr std::string_view kPassword = "password=";
    std::ranges::replace(name, '-', '_');
    if (!rest.starts_with(kPassword))
        return refused(fmt::format("Invalid credential property {}={}", name, text));
    out.password = rest.substr(kPassword.size());
    return out;
}

Result<void> alter_scram(Session& session, const Entity& user,
                         const std::vector<client::ConfigChange>& changes) {
    if (user.name->empty())
        return refused(
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM "
            "Credentials using --bootstrap-server.");
    std::vector<client::ScramUpsertion> upsertions;
    std::vector<client::ScramDeletion> deletions;
    for (const client::ConfigChange& change : changes) {
        const auto mechanism = *net::find_scram_mechanism(change.name);
        if (change.how == client::ConfigChange::How::remove) {
            deletions.push_back({*user.name, mechanism});
            continue;
        }
        TRY(auto upsertion, read_credential(*user.name, mechanism, change.value));
        upsertions.push_back(std::move(upsertion));
    }
    TRY(const auto outcomes, session.wait(session.admin().alter_scram_users(std::move(upsertions),
                                                                            std::move(deletions))));
    for (const client::Outcome& outcome : outcomes)
        if (outcome.error.code != ErrorCode::none) return outcome.error;
    return {};
}

// Quotas that may be set for these entities.
std::vector<std::string_view> quota_names(const std::vector<Entity>& entities) {
    if (entities[0].kind->plural == "ips") return {"connection_creation_rate"};
    return {"producer_byte_rate", "consumer_byte_rate", "request_percentage",
            "controller_mutation_rate"};
}

// What is neither a quota nor, of a user, a password.
Result<void> check_quota_names(const std::vector<Entity>& entities,
                               const std::vector<client::ConfigChange>& changes) {
    const std::string_view type = entities[0].kind->plural;
    const bool users_only = entities.size() == 1 && type == "users";
    const std::vector<std::string_view> known = quota_names(entities);
    for (const bool removes : {false, true}) {
        std::vector<std::string> unknown;
        for (const client::ConfigChange& change : changes)
            if ((change.how == client::ConfigChange::How::remove) == removes &&
                std::ranges::find(known, std::string_view{change.name}) == known.end() &&
                !(users_only && net::find_scram_mechanism(change.name)))
                unknown.push_back(change.name);
        if (unknown.empty()) continue;
        if (type == "ips")
            return refused(
                fmt::format("Only connection quota configs can be added for 'ips' using "
                            "--bootstrap-server. Unexpected config names: {}",
                            fmt::join(unknown, ",")));
        // Of a user and a client id the clients are named.
        const bool clients = std::ranges::any_of(
            entities, [](const Entity& one) { return one.kind->plural == "clients"; });
        return refused(fmt::format(
            "Only quota {}configs can be {} for '{}' using --bootstrap-server. Unexpected config "
            "names: {}({})",
            users_only ? "and SCRAM credential " : "", removes ? "deleted" : "added",
            clients ? "clients" : type, removes ? "ArrayBuffer" : "Set", fmt::join(unknown, ", ")));
    }
    return {};
}

}  // namespace

Result<void> describe_accounts(const Console& console, Session& session,
                               const std::vector<Entity>& entities) {
    TRY_OK(describe_quotas(console, session, entities));
    // The default of users has no password.
    const Entity& head = entities[0];
    if (entities.size() == 1 && head.kind->plural == "users" && head.name != "")
        return describe_scram(console, session, head);
    return {};
}

Result<void> alter_accounts(Session& session, const std::vector<Entity>& entities,
                            const std::vector<client::ConfigChange>& changes) {
    TRY_OK(check_quota_names(entities, changes));
    const auto credentials =
        static_cast<size_t>(std::ranges::count_if(changes, [](const client::ConfigChange& change) {
            return net::find_scram_mechanism(change.name).has_value();
        }));
    if (credentials != 0 && credentials != changes.size())
        return refused(
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' "
            "using --bootstrap-server.");
    if (credentials != 0) return alter_scram(session, entities[0], changes);
    client::QuotaEntity entity;
    for (const Entity& one : entities)
        entity.parts.emplace_back(std::string{one.kind->quota},
                                  one.name->empty() ? std::nullopt : one.name);
    std::vector<client::QuotaChange> wanted;
    for (const client::ConfigChange& change : changes) {
        const bool removes = change.how == client::ConfigChange::How::remove;
        double value = 0;
        const char* end = change.value.data() + change.value.size();
        const auto [stop, error] = std::from_chars(change.value.data(), end, value);
        if (!removes && (error != std::errc{} || stop != end))
            return refused(fmt::format("Cannot parse quota configuration value for {}: {}",
                                       change.name, change.value));
        wanted.push_back({change.name, removes ? std::nullopt : std::optional{value}});
    }
    return session.wait(session.admin().alter_quotas(std::move(entity), std::move(wanted)));
}

}  // namespace millrace::cli::kafka
