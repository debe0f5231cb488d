// kafka-groups: the groups of all types.
#include "cli/kafka/group_arguments.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "List groups."},
    {"consumer", Takes::nothing, "", "Only of consumers, classic and simple ones too."},
    {"share", Takes::nothing, "", "Only share groups."},
    {"streams", Takes::nothing, "", "Only streams groups."},
    {"group-type", Takes::value, "type",
     "Only groups of one type: classic, consumer, share or "
     "streams."},
    {"protocol", Takes::value, "protocol", "Only groups with this type of protocol."},
    kHelp,
    kVersion,
});

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool wanted(const Arguments& arguments, const client::GroupListing& group,
            const std::optional<std::string>& type, const std::optional<std::string>& protocol) {
    const std::string of = lower(group.type);
    if (arguments.has("consumer"))
        return of == "consumer" || (of == "classic" && (group.protocol_type == "consumer" ||
                                                        group.protocol_type.empty()));
    if (arguments.has("share")) return of == "share";
    if (arguments.has("streams")) return of == "streams";
    return (!type || of == lower(*type)) && (!protocol || group.protocol_type == *protocol);
}

Result<void> list(const Console& console, const Arguments& arguments) {
    TRY(const auto type, arguments.value("group-type"));
    TRY(const auto protocol, arguments.value("protocol"));
    constexpr std::string_view kTypes[] = {"classic", "consumer", "share", "streams"};
    if (type && std::ranges::find(kTypes, lower(*type)) == std::end(kTypes))
        return fail(ErrorCode::invalid_request, "--group-type must be a valid group type.");
    TRY(const auto session, open_session(arguments));
    auto found = session->wait(session->admin().list_groups());
    if (!found) return fail(found.code(), failure_text(found.error(), "listGroups"));
    std::erase_if(*found, [&](const auto& g) { return !wanted(arguments, g, type, protocol); });
    java_order(*found, [](const client::GroupListing& g) { return std::string_view{g.id}; });
    size_t width = 20;
    for (const auto& group : *found) width = std::max(width, group.id.size());
    console.line(
        fmt::format("{:<{}} {:<{}} {:<{}}", "GROUP", width, "TYPE", width, "PROTOCOL", width));
    for (const auto& group : *found)
        console.line(fmt::format("{:<{}} {:<{}} {:<{}} ", group.id, width, capitalized(group.type),
                                 width, group.protocol_type, width));
    return {};
}

}  // namespace

int groups(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (!words.empty())
        if (const auto ended =
                help_or_version(console, words, *arguments, "The groups of all types.", kOptions))
            return *ended;
    if (!arguments->has("bootstrap-server"))
        return wrong("Missing required option(s) [bootstrap-server]");
    if (!arguments->has("list")) return wrong("Command must include exactly one action: --list.");
    for (const auto& said :
         {clash(*arguments, "consumer", {"group-type", "protocol", "share", "streams"}),
          clash(*arguments, "share", {"consumer", "group-type", "protocol", "streams"}),
          clash(*arguments, "streams", {"consumer", "group-type", "protocol", "share"})})
        if (said) return wrong(*said);
    const auto done = list(console, *arguments);
    if (done) return kDone;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
