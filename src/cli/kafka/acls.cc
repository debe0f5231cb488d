// kafka-acls: shows, adds and removes what principals may do.
#include "cli/cluster/acls.h"

#include <unistd.h>

#include <iostream>
#include <set>

#include "cli/kafka/exceptions.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using client::Acl;
using client::AclEntry;
using client::AclFilter;
using client::AclOperation;
using client::AclPattern;
using client::AclPermission;
using client::AclResource;
using client::AclResourceType;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kBootstrapController,
    kCommandConfig,
    {"list", Takes::nothing, "", "Show ACLs, of the resources that are named or of all."},
    {"add", Takes::nothing, "", "Add ACLs."},
    {"remove", Takes::nothing, "", "Remove ACLs."},
    {"topic", Takes::value, "name", "A topic; * is all. May be repeated, as all resources."},
    {"group", Takes::value, "id", "A group."},
    {"cluster", Takes::nothing, "", "The cluster."},
    {"transactional-id", Takes::value, "id", "A transactional id."},
    {"delegation-token", Takes::value, "id", "A delegation token."},
    {"user-principal", Takes::value, "principal", "A user, whose tokens are meant."},
    {"resource-pattern-type", Takes::value, "type", "literal or prefixed; to look: any or match."},
    {"allow-principal", Takes::value, "type:name", "Who may."},
    {"deny-principal", Takes::value, "type:name", "Who may not."},
    {"principal", Takes::value, "type:name", "With --list: only of this principal."},
    {"allow-host", Takes::value, "address", "From where; else from anywhere."},
    {"deny-host", Takes::value, "address", "From where not; else from nowhere."},
    {"operation", Takes::value, "name", "Read, Write, Describe ...; else All."},
    {"producer", Takes::nothing, "", "All that a producer needs."},
    {"consumer", Takes::nothing, "", "All that a consumer needs."},
    {"idempotent", Takes::nothing, "", "With --producer: of an idempotent one."},
    {"force", Takes::nothing, "", "Do not ask."},
    kHelp,
    kVersion,
});

constexpr struct {
    std::string_view option;
    AclResourceType type;
} kResourceOptions[] = {
    {"topic", AclResourceType::topic},
    {"group", AclResourceType::group},
    {"transactional-id", AclResourceType::transactional_id},
    {"delegation-token", AclResourceType::delegation_token},
    {"user-principal", AclResourceType::user},
};

// A command line that makes no sense, told with the options; other errors are told without.
struct Refusal {
    std::string why;
    bool with_options = true;
};
template <typename T>
using Read = std::expected<T, Refusal>;

std::unexpected<Refusal> misuse(std::string why) {
    return std::unexpected(Refusal{std::move(why)});
}

// What is to be done with each resource; no entries: with all that it has.
using Plan = std::map<AclResource, std::set<AclEntry>>;

std::string text(const AclResource& resource) {
    return fmt::format("ResourcePattern(resourceType={}, name={}, patternType={})",
                       name_of(resource.type), resource.name, name_of(resource.pattern));
}

std::string text(const AclEntry& entry) {
    return fmt::format("(principal={}, host={}, operation={}, permissionType={})", entry.principal,
                       entry.host, name_of(entry.operation), name_of(entry.permission));
}

template <typename Entries>
std::string listed(const Entries& entries) {
    std::string out;
    for (const AclEntry& entry : entries)
        out += fmt::format("{}\t{}", out.empty() ? "" : "\n", text(entry));
    return out;
}

Read<std::set<AclResource>> read_resources(const Arguments& arguments, bool needed) {
    AclPattern pattern = AclPattern::literal;
    if (arguments.has("resource-pattern-type")) {
        const std::string& name = arguments.values("resource-pattern-type").back();
        const auto found = find_acl_pattern(name);
        if (!found)
            return std::unexpected(Refusal{
                fmt::format("Cannot parse argument '{}' of option resource-pattern-type", name),
                false});
        pattern = *found;
    }
    std::set<AclResource> out;
    for (const auto& [option, type] : kResourceOptions)
        for (const std::string& name : arguments.values(option)) out.insert({type, name, pattern});
    if (pattern == AclPattern::literal && (arguments.has("cluster") || arguments.has("idempotent")))
        out.insert({AclResourceType::cluster, std::string{client::kClusterResource}, pattern});
    if (out.empty() && needed)
        return misuse(
            "You must provide at least one resource: --topic <topic> or --cluster or --group "
            "<group> or --delegation-token <Delegation Token ID>");
    return out;
}

Read<std::set<std::string>> read_principals(const Arguments& arguments, std::string_view option) {
    std::set<std::string> out;
    for (const std::string& word : arguments.values(option)) {
        const auto principal = check_principal(word);
        if (!principal) return std::unexpected(Refusal{principal.error().message, false});
        out.insert(*principal);
    }
    return out;
}

// The entries of all principals and hosts that are named, for each of `operations`.
Read<std::set<AclEntry>> read_entries(const Arguments& arguments,
                                      const std::vector<AclOperation>& operations) {
    std::set<AclEntry> out;
    const auto add = [&](std::string_view who, std::string_view from,
                         AclPermission permission) -> Read<void> {
        const auto principals = read_principals(arguments, who);
        if (!principals) return std::unexpected(principals.error());
        std::vector<std::string> hosts = arguments.values(from);
        if (hosts.empty()) hosts.emplace_back("*");
        for (const std::string& principal : *principals)
            for (const std::string& host : hosts)
                for (const AclOperation operation : operations)
                    out.insert({principal, host, operation, permission});
        return {};
    };
    if (auto added = add("allow-principal", "allow-host", AclPermission::allow); !added)
        return std::unexpected(added.error());
    if (auto added = add("deny-principal", "deny-host", AclPermission::deny); !added)
        return std::unexpected(added.error());
    return out;
}

// What producers and consumers need.
Read<Plan> role_plan(const Arguments& arguments) {
    using enum AclOperation;
    auto resources = read_resources(arguments, true);
    if (!resources) return std::unexpected(resources.error());
    Plan plan;
    const auto grant = [&](AclResourceType type,
                           const std::vector<AclOperation>& operations) -> Read<void> {
        auto entries = read_entries(arguments, operations);
        if (!entries) return std::unexpected(entries.error());
        for (const AclResource& resource : *resources)
            if (resource.type == type) plan[resource].insert(entries->begin(), entries->end());
        return {};
    };
    std::vector<std::pair<AclResourceType, std::vector<AclOperation>>> grants;
    if (arguments.has("producer")) {
        grants.push_back({AclResourceType::topic, {write, describe, create}});
        grants.push_back({AclResourceType::transactional_id, {write, describe}});
        if (arguments.has("idempotent"))
            grants.push_back({AclResourceType::cluster, {idempotent_write}});
    }
    if (arguments.has("consumer")) {
        grants.push_back({AclResourceType::topic, {read, describe}});
        grants.push_back({AclResourceType::group, {read}});
    }
    for (const auto& [type, operations] : grants)
        if (auto granted = grant(type, operations); !granted)
            return std::unexpected(granted.error());
    return plan;
}

Read<Plan> read_plan(const Arguments& arguments) {
    if (arguments.has("producer") || arguments.has("consumer")) return role_plan(arguments);
    auto resources = read_resources(arguments, true);
    if (!resources) return std::unexpected(resources.error());
    std::vector<AclOperation> operations;
    bool unknown = false;
    for (const std::string& name : arguments.values("operation")) {
        // Kafka's tool knows no underscores.
        const auto operation = name.contains('_') ? std::nullopt : find_acl_operation(name);
        if (operation)
            operations.push_back(*operation);
        else
            unknown = true;
    }
    if (operations.empty() && !unknown) operations.push_back(AclOperation::all);
    auto entries = read_entries(arguments, operations);
    if (!entries) return std::unexpected(entries.error());
    const bool any = std::ranges::find(operations, AclOperation::any) != operations.end();
    if (any && !entries->empty())
        return std::unexpected(Refusal{"operation must not be ANY", false});
    Plan plan;
    for (const AclResource& resource : *resources) {
        const auto known = operations_of(resource.type);
        const bool fits = !unknown && std::ranges::all_of(operations, [&](AclOperation operation) {
            return std::ranges::find(known, operation) != known.end();
        });
        if (!fits && (unknown || !entries->empty() || arguments.has("operation"))) {
            std::string names;
            for (const AclOperation operation : known)
                names += fmt::format("{}{}", names.empty() ? "" : ", ", name_of(operation));
            return misuse(fmt::format("ResourceType {} only supports operations [{}]",
                                      name_of(resource.type), names));
        }
        plan[resource] = *entries;
    }
    return plan;
}

AclFilter filter_of(const AclResource& resource) {
    return {.type = resource.type, .name = resource.name, .pattern = resource.pattern};
}

void print_acls(const Console& console, const std::vector<Acl>& acls,
                const std::string* principal) {
    std::map<AclResource, std::vector<AclEntry>> by_resource;
    for (const Acl& acl : acls)
        if (!principal || acl.entry.principal == *principal)
            by_resource[acl.resource].push_back(acl.entry);
    for (const auto& [resource, entries] : by_resource)
        console.line(
            fmt::format("Current ACLs for resource `{}`:\n{}\n", text(resource), listed(entries)));
}

Read<Result<void>> list(const Console& console, Session& session, const Arguments& arguments) {
    const auto resources = read_resources(arguments, false);
    if (!resources) return std::unexpected(resources.error());
    const auto principals = read_principals(arguments, "principal");
    if (!principals) return std::unexpected(principals.error());
    std::vector<AclFilter> filters;
    for (const AclResource& resource : *resources) filters.push_back(filter_of(resource));
    if (filters.empty()) filters.emplace_back();
    std::vector<Acl> found;
    for (AclFilter& filter : filters) {
        auto acls = session.wait(session.admin().describe_acls(std::move(filter)));
        if (!acls) return Result<void>{acls.error()};
        found.insert(found.end(), acls->begin(), acls->end());
    }
    if (principals->empty()) print_acls(console, found, nullptr);
    for (const std::string& principal : *principals) {
        console.line(fmt::format("ACLs for principal `{}`", principal));
        print_acls(console, found, &principal);
    }
    return Result<void>{};
}

Result<void> add(const Console& console, Session& session, const Plan& plan) {
    for (const auto& [resource, entries] : plan) {
        TRY(const auto there, session.wait(session.admin().describe_acls(filter_of(resource))));
        std::set<AclEntry> left = entries;
        for (const Acl& acl : there)
            if (left.erase(acl.entry) != 0)
                console.line(fmt::format("Acl (pattern={}, entry={}) already exists.",
                                         text(acl.resource), text(acl.entry)));
        if (left.empty()) continue;
        console.line(
            fmt::format("Adding ACLs for resource `{}`: \n {}\n", text(resource), listed(left)));
        std::vector<Acl> wanted;
        for (const AclEntry& entry : left) wanted.push_back({resource, entry});
        TRY(const auto errors, session.wait(session.admin().create_acls(std::move(wanted))));
        for (const Error& error : errors)
            if (error.code != ErrorCode::none) return error;
    }
    return {};
}

// Whether a person at the terminal agrees.
Result<bool> confirmed(const Console& console, std::string_view question) {
    console.line(fmt::format("{} (y/n)", question));
    std::fflush(console.out);
    if (isatty(STDIN_FILENO) != 1)
        return fail(ErrorCode::invalid_request,
                    "nobody can be asked here: --force goes on without a question");
    std::string line;
    std::getline(std::cin, line);
    return line == "y" || line == "Y";
}

Result<void> remove(const Console& console, Session& session, const Plan& plan, bool force) {
    for (const auto& [resource, entries] : plan) {
        const std::string question =
            entries.empty()
                ? fmt::format("Are you sure you want to delete all ACLs for resource filter `{}`?",
                              text(resource))
                : fmt::format(
                      "Are you sure you want to remove ACLs: \n {}\n from resource filter "
                      "`{}`?",
                      listed(entries), text(resource));
        if (!force) {
            TRY(const bool yes, confirmed(console, question));
            if (!yes) continue;
        }
        std::vector<AclFilter> filters;
        for (const AclEntry& entry : entries) {
            AclFilter& filter = filters.emplace_back(filter_of(resource));
            filter.principal = entry.principal;
            filter.host = entry.host;
            filter.operation = entry.operation;
            filter.permission = entry.permission;
        }
        if (filters.empty()) filters.push_back(filter_of(resource));
        TRY(const auto done, session.wait(session.admin().delete_acls(std::move(filters))));
        for (const client::DeletedAcls& one : done)
            if (one.error.code != ErrorCode::none) return one.error;
    }
    return {};
}

// What is wrong with the options together.
std::optional<std::string> misuse_of(const Arguments& a) {
    if (a.has("bootstrap-server") && a.has("bootstrap-controller"))
        return "Only one of --bootstrap-server or --bootstrap-controller must be specified";
    if (!a.has("bootstrap-server") && !a.has("bootstrap-controller"))
        return "One of --bootstrap-server or --bootstrap-controller must be specified";
    if (a.has("list") + a.has("add") + a.has("remove") != 1)
        return "Command must include exactly one action: --list, --add, --remove. ";
    for (const auto& [option, forbidden] :
         std::initializer_list<std::pair<std::string_view, std::vector<std::string_view>>>{
             {"list",
              {"producer", "consumer", "allow-host", "allow-principal", "deny-host",
               "deny-principal"}},
             {"producer", {"operation", "deny-principal", "deny-host"}},
             {"consumer", {"operation", "deny-principal", "deny-host"}}})
        for (const std::string_view other : forbidden)
            if (auto clashing = clash(a, option, {other})) return clashing;
    if (a.has("producer") && !a.has("topic")) return "With --producer you must specify a --topic";
    if (a.has("idempotent") && !a.has("producer"))
        return "The --idempotent option is only available if --producer is set";
    if (a.has("consumer") &&
        (!a.has("topic") || !a.has("group") || a.has("cluster") || a.has("transactional-id")))
        return "With --consumer you must specify a --topic and a --group and no --cluster or "
               "--transactional-id option should be specified.";
    if (a.has("principal") && !a.has("list"))
        return "The --principal option is only available if --list is set";
    return std::nullopt;
}

Read<Plan> checked_plan(const Arguments& arguments) {
    auto plan = read_plan(arguments);
    if (!plan || !arguments.has("add")) return plan;
    for (const auto& [resource, entries] : *plan)
        if (entries.empty())
            return misuse(
                "You must specify one of: --allow-principal, --deny-principal when trying to add "
                "ACLs.");
    for (const auto& [resource, entries] : *plan)
        if (resource.pattern != AclPattern::literal && resource.pattern != AclPattern::prefixed)
            return misuse(fmt::format(
                "A '--resource-pattern-type' value of '{}' is not valid when adding acls.",
                name_of(resource.pattern)));
    return plan;
}

Read<Result<void>> act(const Console& console, const Arguments& arguments) {
    const auto session = open_session(arguments);
    if (!session) return Result<void>{session.error()};
    if (arguments.has("list")) return list(console, **session, arguments);
    const auto plan = checked_plan(arguments);
    if (!plan) return std::unexpected(plan.error());
    if (arguments.has("add")) return add(console, **session, *plan);
    return remove(console, **session, *plan, arguments.has("force"));
}

}  // namespace

int acls(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Shows, adds and removes what principals may do.", kOptions))
        return *ended;
    if (const auto why = misuse_of(*arguments)) return misused(console, *why, kOptions);
    const auto done = act(console, *arguments);
    if (!done && done.error().with_options) return misused(console, done.error().why, kOptions);
    if (done && *done) return kDone;
    // Kafka's tool tells this on its standard output.
    console.line(fmt::format("Error while executing ACL command: {}",
                             !done ? done.error().why : java_exception(done->error())));
    return kFailed;
}

}  // namespace millrace::cli::kafka
