// kafka-delegation-tokens: gives out, renews, ends and shows delegation tokens.
#include <ctime>

#include "cli/base64.h"
#include "cli/cluster/acls.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"create", Takes::nothing, "", "Give out a token."},
    {"renew", Takes::nothing, "", "Let a token live longer."},
    {"expire", Takes::nothing, "", "Let a token end."},
    {"describe", Takes::nothing, "", "Show tokens."},
    {"owner-principal", Takes::value, "type:name", "Whose token it is; else the caller's."},
    {"renewer-principal", Takes::value, "type:name", "Who else may renew it."},
    {"max-life-time-period", Takes::value, "ms", "How long it may live at most; -1 as is allowed."},
    {"renew-time-period", Takes::value, "ms", "How much longer; -1 as is usual."},
    {"expiry-time-period", Takes::value, "ms", "How much longer; -1: it ends now."},
    {"hmac", Takes::value, "base64", "The token."},
    kHelp,
    kVersion,
});

std::optional<std::string> misuse_of(const Arguments& a) {
    const int actions = a.has("create") + a.has("renew") + a.has("expire") + a.has("describe");
    if (actions != 1)
        return "Command must include exactly one action: --create, --renew, --expire or "
               "--describe";
    std::vector<std::string_view> needed{"bootstrap-server", "command-config"};
    std::vector<std::string_view> forbidden;
    std::string_view action = "describe";
    if (a.has("create")) {
        action = "create";
        needed.push_back("max-life-time-period");
        forbidden = {"hmac", "renew-time-period", "expiry-time-period"};
    } else if (a.has("renew")) {
        action = "renew";
        needed.insert(needed.end(), {"hmac", "renew-time-period"});
        forbidden = {"renewer-principal", "max-life-time-period", "expiry-time-period",
                     "owner-principal"};
    } else if (a.has("expire")) {
        action = "expire";
        needed.insert(needed.end(), {"hmac", "expiry-time-period"});
        forbidden = {"renew-time-period", "max-life-time-period", "renewer-principal",
                     "owner-principal"};
    } else {
        forbidden = {"renewer-principal", "renew-time-period", "expiry-time-period", "hmac",
                     "max-life-time-period"};
    }
    for (const std::string_view name : needed)
        if (!a.has(name)) return fmt::format("Missing required argument \"[{}]\"", name);
    for (const std::string_view name : forbidden)
        if (auto clashing = clash(a, action, {name})) return clashing;
    return std::nullopt;
}

Result<std::vector<client::Principal>> read_principals(const Arguments& arguments,
                                                       std::string_view option) {
    std::vector<client::Principal> out;
    for (const std::string& word : arguments.values(option)) {
        TRY(const std::string text, check_principal(word));
        const size_t colon = text.find(':');
        out.push_back({text.substr(0, colon), text.substr(colon + 1)});
    }
    return out;
}

std::string listed(const std::vector<client::Principal>& principals) {
    std::string out;
    for (const client::Principal& one : principals)
        out += fmt::format("{}{}", out.empty() ? "" : ", ", one.text());
    return fmt::format("[{}]", out);
}

// In the local time, as Kafka's tool shows it.
std::string date(TimestampMs at) {
    const std::time_t seconds = at / 1000;
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                       local.tm_mday, local.tm_hour, local.tm_min);
}

void print_tokens(const Console& console, const std::vector<client::DelegationToken>& tokens) {
    const auto row = [&](std::string_view id, std::string_view hmac, std::string_view owner,
                         std::string_view requester, std::string_view renewers,
                         std::string_view issued, std::string_view expires, std::string_view last) {
        console.line(fmt::format("\n{:<15} {:<30} {:<15} {:<15} {:<25} {:<15} {:<15} {:<15}", id,
                                 hmac, owner, requester, renewers, issued, expires, last));
    };
    row("TOKENID", "HMAC", "OWNER", "REQUESTER", "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE");
    for (const client::DelegationToken& token : tokens)
        row(token.id, encode_base64(token.hmac), token.owner.text(), token.requester.text(),
            listed(token.renewers), date(token.issued), date(token.expires),
            date(token.lasts_until));
}

Result<void> create(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto renewers, read_principals(arguments, "renewer-principal"));
    TRY(const auto owners, read_principals(arguments, "owner-principal"));
    TRY(const auto lifetime, arguments.long_number("max-life-time-period"));
    console.line(
        fmt::format("Calling create token operation with renewers :{} , max-life-time-period :{}",
                    listed(renewers), *lifetime));
    client::NewToken wanted{.renewers = renewers, .max_lifetime_ms = *lifetime};
    if (!owners.empty()) wanted.owner = owners.front();
    TRY(const auto token, session.wait(session.admin().create_token(std::move(wanted))));
    console.line(fmt::format("Created delegation token with tokenId : {}", token.id));
    print_tokens(console, {token});
    return {};
}

// Renews or ends one.
Result<void> prolong(const Console& console, Session& session, const Arguments& arguments,
                     bool renews) {
    TRY(const auto text, arguments.value("hmac"));
    TRY(const auto period,
        arguments.long_number(renews ? "renew-time-period" : "expiry-time-period"));
    console.line(fmt::format("Calling {} token operation with hmac :{} , {}-time-period :{}",
                             renews ? "renew" : "expire", *text, renews ? "renew" : "expire",
                             *period));
    TRY(const std::string hmac, decode_base64(*text));
    TRY(const TimestampMs expires, renews
                                       ? session.wait(session.admin().renew_token(hmac, *period))
                                       : session.wait(session.admin().expire_token(hmac, *period)));
    console.print(fmt::format("Completed {} operation. New expiry date : {}",
                              renews ? "renew" : "expire", date(expires)));
    return {};
}

Result<void> describe(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto owners, read_principals(arguments, "owner-principal"));
    console.line(owners.empty() ? "Calling describe token operation for current user."
                                : fmt::format("Calling describe token operation for owners: {}",
                                              listed(owners)));
    TRY(const auto tokens, session.wait(session.admin().describe_tokens(owners)));
    console.print(fmt::format("Total number of tokens : {}", tokens.size()));
    print_tokens(console, tokens);
    return {};
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto session, open_session(arguments));
    if (arguments.has("create")) return create(console, *session, arguments);
    if (arguments.has("describe")) return describe(console, *session, arguments);
    return prolong(console, *session, arguments, arguments.has("renew"));
}

}  // namespace

int delegation_tokens(const Console& console, const Words& words) {
    const auto failed = [&](std::string_view why) {
        std::fflush(console.out);
        console.error_line(why);
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error().message);
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Gives out, renews, ends and shows delegation tokens.", kOptions))
        return *ended;
    if (const auto why = misuse_of(*arguments)) return misused(console, *why, kOptions);
    const auto done = act(console, *arguments);
    return done ? kDone : failed(java_sentence(done.error()));
}

}  // namespace millrace::cli::kafka
