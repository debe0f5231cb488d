// `millrace acls`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/acls.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

using client::Acl;
using client::AclFilter;
using client::AclOperation;
using client::AclPattern;
using client::AclPermission;
using client::AclResourceType;

struct AclsOptions : ClusterOptions {
    std::string type;
    std::string name;
    std::string pattern;
    std::vector<std::string> principals;  // of a filter: at most one
    std::vector<std::string> allowed;
    std::vector<std::string> denied;
    std::vector<std::string> hosts;
    std::vector<std::string> operations;
};

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = c == '_' ? '-' : static_cast<char>(std::tolower(c));
    return out;
}

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

Result<AclResourceType> read_type(const std::string& text) {
    const auto type = find_acl_resource_type(text);
    if (!type)
        return refused(
            fmt::format("{}: no type of resource; there are topic, group, cluster, "
                        "transactional-id, delegation-token and user",
                        text));
    return *type;
}

Result<std::vector<AclOperation>> read_operations(const AclsOptions& options,
                                                  AclResourceType type) {
    std::vector<AclOperation> out;
    const auto known = operations_of(type);
    for (const std::string& text : options.operations) {
        const auto operation = find_acl_operation(text);
        if (operation &&
            (type == AclResourceType::any || std::ranges::find(known, *operation) != known.end())) {
            out.push_back(*operation);
            continue;
        }
        std::vector<std::string> names;
        for (const AclOperation one : known) names.push_back(lower(name_of(one)));
        return refused(names.empty() ? fmt::format("{}: no operation", text)
                                     : fmt::format("{}: no operation on a {}; there are {}", text,
                                                   lower(name_of(type)), fmt::join(names, ", ")));
    }
    return out;
}

Result<AclFilter> read_filter(const AclsOptions& options) {
    AclFilter out;
    if (!options.type.empty()) {
        TRY(out.type, read_type(options.type));
    }
    if (!options.name.empty()) out.name = options.name;
    if (out.type == AclResourceType::cluster) out.name = std::string{client::kClusterResource};
    if (!options.pattern.empty()) {
        const auto pattern = find_acl_pattern(options.pattern);
        if (!pattern)
            return refused(fmt::format("{}: no pattern; there are literal, prefixed, match and any",
                                       options.pattern));
        out.pattern = *pattern;
    }
    if (!options.principals.empty()) out.principal = options.principals.front();
    if (!options.hosts.empty()) out.host = options.hosts.front();
    TRY(const auto operations, read_operations(options, out.type));
    if (!operations.empty()) out.operation = operations.front();
    return out;
}

Table table_of(const std::vector<Acl>& acls, std::string_view result) {
    std::vector<std::string> columns{"resource", "name",      "pattern",   "principal",
                                     "host",     "operation", "permission"};
    if (!result.empty()) columns.emplace_back("result");
    Table table{std::move(columns)};
    std::vector<Acl> sorted = acls;
    std::ranges::sort(sorted);
    for (const Acl& acl : sorted) {
        std::vector<Value> row{lower(name_of(acl.resource.type)),
                               acl.resource.name,
                               lower(name_of(acl.resource.pattern)),
                               acl.entry.principal,
                               acl.entry.host,
                               lower(name_of(acl.entry.operation)),
                               lower(name_of(acl.entry.permission))};
        if (!result.empty()) row.emplace_back(result);
        table.add(std::move(row));
    }
    return table;
}

Result<int> list(const Console& console, Session& session, const AclsOptions& options) {
    TRY(auto filter, read_filter(options));
    TRY(const auto acls, session.wait(session.admin().describe_acls(std::move(filter))));
    console.show(table_of(acls, {}));
    return kDone;
}

Result<std::vector<Acl>> read_acls(const AclsOptions& options) {
    client::AclResource resource;
    TRY(resource.type, read_type(options.type));
    if (operations_of(resource.type).empty()) return refused("name one type of resource");
    resource.name = resource.type == AclResourceType::cluster
                        ? std::string{client::kClusterResource}
                        : options.name;
    if (resource.name.empty())
        return refused(fmt::format("name the {}; '*' stands for all", lower(options.type)));
    resource.pattern = options.pattern == "prefixed" ? AclPattern::prefixed : AclPattern::literal;
    TRY(const auto operations, read_operations(options, resource.type));
    std::vector<std::string> hosts = options.hosts;
    if (hosts.empty()) hosts.emplace_back("*");
    std::vector<Acl> out;
    for (const auto& [principals, permission] : {std::pair{&options.allowed, AclPermission::allow},
                                                 std::pair{&options.denied, AclPermission::deny}})
        for (const std::string& text : *principals) {
            TRY(const std::string principal, check_principal(text));
            for (const std::string& host : hosts)
                for (const AclOperation operation : operations)
                    out.push_back({resource, {principal, host, operation, permission}});
        }
    if (out.empty()) return refused("nobody is named: give --allow or --deny");
    return out;
}

Result<int> create(const Console& console, Session& session, const AclsOptions& options) {
    TRY(const auto acls, read_acls(options));
    if (options.dry_run) {
        // Whether the cluster keeps ACLs at all.
        TRY_OK(session.wait(session.admin().describe_acls({})));
        console.show(table_of(acls, "would be created"));
        return kDone;
    }
    TRY(const auto errors, session.wait(session.admin().create_acls(acls)));
    std::vector<Acl> created;
    std::vector<client::Outcome> outcomes;
    for (size_t i = 0; i != acls.size(); ++i) {
        outcomes.push_back({acls[i].entry.principal, errors[i]});
        if (errors[i].code == ErrorCode::none) created.push_back(acls[i]);
    }
    if (!created.empty() || console.json) console.show(table_of(created, "created"));
    return tell_failures(console, outcomes);
}

Result<int> remove(const Console& console, Session& session, const AclsOptions& options) {
    if (options.type.empty() && options.principals.empty())
        return refused("nothing is named: give a type of resource, or --principal");
    TRY(AclFilter filter, read_filter(options));
    if (options.dry_run) {
        TRY(const auto acls, session.wait(session.admin().describe_acls(std::move(filter))));
        console.show(table_of(acls, "would be deleted"));
        return kDone;
    }
    TRY(const auto done, session.wait(session.admin().delete_acls({std::move(filter)})));
    console.show(table_of(done.front().deleted, "deleted"));
    return tell_failures(console, {{"not all could be deleted", done.front().error}});
}

}  // namespace

void add_acls_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("acls", "Who may do what");
    noun.require_subcommand(1);
    const auto resource = [](CLI::App& verb, AclsOptions& o) {
        CLI::Option* type = verb.add_option("TYPE", o.type,
                                            "topic, group, cluster, transactional-id, "
                                            "delegation-token or user");
        verb.add_option("NAME", o.name, "Which of them");
        return type;
    };
    const auto filter = [&](CLI::App& verb, AclsOptions& o) {
        resource(verb, o);
        verb.add_option("--pattern", o.pattern,
                        "literal or prefixed; match: whatever applies to NAME; else any");
        verb.add_option("--principal", o.principals, "Only of this one: User:alice")->expected(1);
        verb.add_option("--host", o.hosts, "Only from this address")->expected(1);
        verb.add_option("--operation", o.operations, "Only this one")->expected(1);
    };
    auto o = std::make_shared<AclsOptions>();
    filter(add_verb(noun, native, "list", "The ACLs that there are", o, list), *o);
    o = std::make_shared<AclsOptions>();
    CLI::App& creating = add_verb(noun, native, "create", "Allow or deny", o, create);
    resource(creating, *o)->required();
    creating.add_option("--allow", o->allowed, "Who may: User:alice; may be given several times");
    creating.add_option("--deny", o->denied, "Who may not");
    creating.add_option("--operation", o->operations, "read, write, describe ... or all")
        ->required();
    creating.add_option("--host", o->hosts, "From this address; else from anywhere");
    creating.add_flag_callback(
        "--prefixed", [o] { o->pattern = "prefixed"; }, "All whose names begin with NAME");
    add_dry_run(creating, *o);
    creating.footer(
        "\nExample:\n  millrace acls create topic orders -b localhost:9092 --allow User:billing "
        "--operation read --operation describe\n");
    o = std::make_shared<AclsOptions>();
    CLI::App& deleting = add_verb(noun, native, "delete", "Take ACLs back", o, remove);
    filter(deleting, *o);
    add_dry_run(deleting, *o);
}

}  // namespace millrace::cli
