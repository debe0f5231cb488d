// `millrace users` and `millrace quotas`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <iostream>

#include "cli/local_disk.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct UsersOptions : ClusterOptions {
    std::vector<std::string> names;
    std::string mechanism;
    int32_t iterations = net::kScramIterationsMin;
    std::string password_file;
};

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

Result<int> list_users(const Console& console, Session& session, const UsersOptions& options) {
    TRY(auto users, session.wait(session.admin().describe_scram_users(options.names)));
    std::ranges::sort(users, {}, &client::ScramUser::name);
    Table table{{"user", "mechanism", "iterations"}};
    std::vector<client::Outcome> outcomes;
    for (const client::ScramUser& user : users) {
        outcomes.push_back({user.name, user.error});
        for (const client::ScramCredential& one : user.credentials)
            table.add({user.name, net::scram_name(one.mechanism), one.iterations});
    }
    console.show(table);
    return tell_failures(console, outcomes);
}

// The first line of a file, or of the standard input.
Result<std::string> read_password(const UsersOptions& options) {
    std::string text;
    if (options.password_file == "-") {
        std::getline(std::cin, text);
    } else {
        LocalDisk local;
        TRY(text, local.read_all(options.password_file, 1 << 16));
    }
    text.resize(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.empty()) return refused("the password is empty");
    return text;
}

Result<int> create_user(const Console& console, Session& session, const UsersOptions& options) {
    TRY(const std::string password, read_password(options));
    client::ScramUpsertion wanted{.user = options.names.front(),
                                  .mechanism = *net::find_scram_mechanism(options.mechanism),
                                  .iterations = options.iterations,
                                  .password = password};
    TRY(const auto known, session.wait(session.admin().describe_scram_users({wanted.user})));
    const bool there = !known.empty() && std::ranges::any_of(known[0].credentials, [&](auto& one) {
        return one.mechanism == wanted.mechanism;
    });
    if (!options.dry_run) {
        TRY(const auto outcomes, session.wait(session.admin().alter_scram_users({wanted}, {})));
        if (tell_failures(console, outcomes) == kFailed) return kFailed;
    }
    Table table{{"user", "mechanism", "result"}};
    table.add(
        {wanted.user, options.mechanism,
         fmt::format("{}{}", options.dry_run ? "would be " : "", there ? "changed" : "created")});
    console.show(table);
    return kDone;
}

Result<int> delete_user(const Console& console, Session& session, const UsersOptions& options) {
    TRY(const auto users, session.wait(session.admin().describe_scram_users(options.names)));
    const auto only = net::find_scram_mechanism(options.mechanism);
    Table table{{"user", "mechanism", "result"}};
    std::vector<client::Outcome> outcomes;
    for (const client::ScramUser& user : users) {
        outcomes.push_back({user.name, user.error});
        // One after the other: a request changes a user once.
        for (const client::ScramCredential& one : user.credentials) {
            if (only && one.mechanism != *only) continue;
            if (!options.dry_run) {
                TRY(const auto done, session.wait(session.admin().alter_scram_users(
                                         {}, {{user.name, one.mechanism}})));
                outcomes.insert(outcomes.end(), done.begin(), done.end());
                if (!done.empty() && done.front().error.code != ErrorCode::none) continue;
            }
            table.add({user.name, net::scram_name(one.mechanism),
                       options.dry_run ? "would be deleted" : "deleted"});
        }
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

// Quotas

struct QuotasOptions : ClusterOptions {
    // The option's name, the kind of entity, and what was said; "" of a default.
    std::optional<std::string> user, client_id, ip;
    std::vector<std::string> words;
    auto parts() const {
        return std::array{std::pair{"user", &user}, std::pair{"client-id", &client_id},
                          std::pair{"ip", &ip}};
    }
};

Result<client::QuotaEntity> read_entity(const QuotasOptions& options) {
    client::QuotaEntity out;
    for (const auto& [type, name] : options.parts())
        if (*name) out.parts.emplace_back(type, (*name)->empty() ? std::nullopt : *name);
    if (out.parts.empty())
        return refused("whose quota? Give --user, --client-id or --ip; '' is the default");
    return out;
}

Value shown(const client::QuotaEntity& entity, std::string_view type) {
    for (const auto& [kind, name] : entity.parts)
        if (kind == type) return name ? Value{*name} : Value{"(default)"};
    return {};
}

void add_row(Table& table, const client::QuotaEntity& entity, std::string_view name, Value value) {
    table.add({shown(entity, "user"), shown(entity, "client-id"), shown(entity, "ip"), name,
               std::move(value)});
}

client::QuotaFilter filter_of(const QuotasOptions& options) {
    using enum client::QuotaFilter::Match;
    client::QuotaFilter out{.strict = false};
    for (const auto& [type, name] : options.parts())
        if (*name) out.parts.push_back({type, (*name)->empty() ? unnamed : exact, **name});
    return out;
}

Result<int> list_quotas(const Console& console, Session& session, const QuotasOptions& options) {
    TRY(const auto found, session.wait(session.admin().describe_quotas(filter_of(options))));
    Table table{{"user", "client_id", "ip", "quota", "value"}};
    for (const client::Quotas& quotas : found)
        for (const auto& [name, value] : quotas.values) add_row(table, quotas.entity, name, value);
    console.show(table);
    return kDone;
}

Result<int> alter(const Console& console, Session& session, const QuotasOptions& options,
                  const std::vector<client::QuotaChange>& changes) {
    TRY(const auto entity, read_entity(options));
    TRY_OK(session.wait(session.admin().alter_quotas(entity, changes, options.dry_run)));
    Table table{{"user", "client_id", "ip", "quota", "result"}};
    for (const client::QuotaChange& change : changes)
        add_row(table, entity, change.key,
                fmt::format("{}{}", options.dry_run ? "would be " : "",
                            change.value ? "set" : "deleted"));
    console.show(table);
    return kDone;
}

Result<int> set_quotas(const Console& console, Session& session, const QuotasOptions& options) {
    std::vector<client::QuotaChange> changes;
    for (const std::string& word : options.words) {
        const size_t equals = word.find('=');
        const std::string_view text{word};
        double value = 0;
        const auto number = text.substr(std::min(equals, text.size() - 1) + 1);
        const auto [stop, error] =
            std::from_chars(number.data(), number.data() + number.size(), value);
        if (equals == word.npos || error != std::errc{} || stop != number.data() + number.size())
            return refused(fmt::format("{}: a quota is name=number", word));
        changes.push_back({word.substr(0, equals), value});
    }
    return alter(console, session, options, changes);
}

Result<int> delete_quotas(const Console& console, Session& session, const QuotasOptions& options) {
    std::vector<client::QuotaChange> changes;
    for (const std::string& word : options.words) changes.push_back({word, std::nullopt});
    if (changes.empty()) {
        TRY_OK(read_entity(options));
        client::QuotaFilter filter = filter_of(options);
        filter.strict = true;
        TRY(const auto found, session.wait(session.admin().describe_quotas(std::move(filter))));
        for (const client::Quotas& quotas : found)
            for (const auto& [name, value] : quotas.values) changes.push_back({name, std::nullopt});
    }
    return alter(console, session, options, changes);
}

CLI::Option* add_mechanism(CLI::App& verb, UsersOptions& options, const char* help) {
    return verb.add_option("--mechanism", options.mechanism, help)
        ->check(CLI::IsMember({"SCRAM-SHA-256", "SCRAM-SHA-512"}));
}

}  // namespace

void add_users_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("users", "Users who log in with a password (SCRAM)");
    noun.require_subcommand(1);
    auto o = std::make_shared<UsersOptions>();
    add_verb(noun, native, "list", "The users that there are", o, list_users)
        .add_option("USER", o->names, "Only these");
    o = std::make_shared<UsersOptions>();
    CLI::App& creating =
        add_verb(noun, native, "create", "Give a user a password, or another one", o, create_user);
    creating.add_option("USER", o->names, "The name")->required()->expected(1);
    creating
        .add_option("--password-file", o->password_file,
                    "A file with the password in its first line; - is the standard input")
        ->required();
    o->mechanism = "SCRAM-SHA-512";
    add_mechanism(creating, *o, "SCRAM-SHA-256 or SCRAM-SHA-512")->capture_default_str();
    creating.add_option("--iterations", o->iterations, "What a guess at the password costs")
        ->check(CLI::Range(net::kScramIterationsMin, net::kScramIterationsMax))
        ->capture_default_str();
    add_dry_run(creating, *o);
    creating.footer(
        "\nExample:\n  millrace users create billing -b localhost:9092 --password-file - < "
        "secret\n");
    o = std::make_shared<UsersOptions>();
    CLI::App& deleting = add_verb(noun, native, "delete", "Take passwords back", o, delete_user);
    deleting.add_option("USER", o->names, "Their names")->required();
    add_mechanism(deleting, *o, "Only of this mechanism");
    add_dry_run(deleting, *o);
}

void add_quotas_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("quotas", "Bounds for users, clients and addresses");
    noun.require_subcommand(1);
    const auto about = [](CLI::App& verb, QuotasOptions& o) {
        verb.add_option("--user", o.user, "Of this user; '' is the default of users");
        verb.add_option("--client-id", o.client_id, "Of this client id; '' is the default");
        verb.add_option("--ip", o.ip, "Of connections from this address; '' is the default");
    };
    auto o = std::make_shared<QuotasOptions>();
    about(add_verb(noun, native, "list", "The quotas that there are", o, list_quotas), *o);
    o = std::make_shared<QuotasOptions>();
    CLI::App& setting = add_verb(noun, native, "set", "Set quotas", o, set_quotas);
    about(setting, *o);
    setting
        .add_option("QUOTA", o->words,
                    "name=number: producer_byte_rate, consumer_byte_rate, "
                    "request_percentage, controller_mutation_rate, "
                    "connection_creation_rate")
        ->required();
    add_dry_run(setting, *o);
    setting.footer(
        "\nExample:\n  millrace quotas set producer_byte_rate=1048576 -b localhost:9092 --user "
        "billing\n");
    o = std::make_shared<QuotasOptions>();
    CLI::App& deleting = add_verb(noun, native, "delete", "Remove quotas", o, delete_quotas);
    about(deleting, *o);
    deleting.add_option("QUOTA", o->words, "Their names; none: all of the entity");
    add_dry_run(deleting, *o);
}

}  // namespace millrace::cli
