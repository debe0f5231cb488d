// kafka-broker-api-versions: which APIs each broker serves.
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "protocol/api_table.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions =
    std::to_array<Option>({kBootstrapServer, kCommandConfig, kHelp, kVersion});

std::string range_text(int16_t min, int16_t max) {
    return min == max ? fmt::to_string(min) : fmt::format("{} to {}", min, max);
}

std::string api_line(const protocol::ApiInfo& api, const client::ApiVersions& versions) {
    const auto* range = versions.range(api.key);
    const auto key = static_cast<int16_t>(api.key);
    if (!range) return fmt::format("\t{}({}): UNSUPPORTED", api.name, key);
    const int16_t usable = std::min(range->max, api.stable_max());
    const bool fits = usable >= std::max(range->min, api.version_min);
    return fmt::format("\t{}({}): {} [usable: {}]", api.name, key,
                       range_text(range->min, range->max),
                       fits ? fmt::to_string(usable) : std::string{"NONE"});
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto session, open_session(arguments));
    TRY_OK(session->wait(session->cluster().update(session->deadline())));
    for (const auto& [id, broker] : session->cluster().metadata().brokers()) {
        TRY(const auto connection,
            session->wait(session->cluster().connection(id, session->deadline())));
        std::vector<std::string> lines;
        for (const protocol::ApiInfo& api : protocol::all_apis())
            if (api.on_broker) lines.push_back(api_line(api, connection->versions()));
        for (const client::ApiVersions::Range& range : connection->versions().ranges())
            if (!protocol::find_api(range.key))
                lines.push_back(
                    fmt::format("\tUNKNOWN({}): {}", range.key, range_text(range.min, range.max)));
        console.line(
            fmt::format("{} (id: {} rack: {} isFenced: false) -> (\n{}\n)", broker.address.text(),
                        id, broker.rack.empty() ? "null" : broker.rack, fmt::join(lines, ",\n")));
    }
    return {};
}

}  // namespace

int broker_api_versions(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) {
        console.error_line(arguments.error().message);
        return kFailed;
    }
    if (const auto ended =
            help_or_version(console, words, *arguments, "Which APIs each broker serves.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return misused(console, *missing, kOptions);
    const auto done = act(console, *arguments);
    if (done) return kDone;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
