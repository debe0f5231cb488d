// kafka-log-dirs: what lies in the brokers' log directories, as JSON.
#include <charconv>

#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"describe", Takes::nothing, "", "Show the directories; required."},
    {"topic-list", Takes::value, "t1,t2,...", "Only replicas of these topics."},
    {"broker-list", Takes::value, "1,2,...", "Only these brokers."},
    kHelp,
    kVersion,
});

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t comma = text.find(',');
        if (comma != 0) out.emplace_back(text.substr(0, comma));
        text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    }
    return out;
}

Result<std::vector<NodeId>> read_brokers(Session& session, const Arguments& arguments) {
    TRY(const auto text, arguments.value("broker-list"));
    std::vector<NodeId> asked;
    for (const std::string& word : split(text.value_or(""))) {
        NodeId id = 0;
        const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), id);
        if (error != std::errc{} || stop != word.data() + word.size())
            return fail(ErrorCode::invalid_request, fmt::format("For input string: \"{}\"", word));
        asked.push_back(id);
    }
    const auto cluster = session.wait(session.admin().describe_cluster());
    if (!cluster) return fail(cluster.code(), failure_text(cluster.error(), "listNodes"));
    std::vector<NodeId> there;
    for (const auto& broker : cluster->brokers) there.push_back(broker.id);
    std::vector<NodeId> missing;
    for (const NodeId id : asked)
        if (std::ranges::find(there, id) == there.end()) missing.push_back(id);
    if (!missing.empty())
        return fail(ErrorCode::invalid_request,
                    fmt::format("ERROR: The given brokers do not exist from --broker-list: {}. "
                                "Current existent brokers: {}",
                                fmt::join(missing, ","), fmt::join(there, ",")));
    return asked.empty() ? there : asked;
}

Value directory_value(const client::DirectoryDescription& directory,
                      const std::vector<std::string>& topics) {
    Value::List replicas;
    for (const client::ReplicaInDirectory& replica : directory.replicas) {
        const auto& [topic, partition] = replica.partition;
        if (!topics.empty() && std::ranges::find(topics, topic) == topics.end()) continue;
        replicas.push_back(Value::Fields{{"partition", fmt::format("{}-{}", topic, partition)},
                                         {"size", replica.size},
                                         {"offsetLag", replica.offset_lag},
                                         {"isFuture", replica.future}});
    }
    return Value::Fields{
        {"partitions", std::move(replicas)},
        {"error",
         directory.error.code == ErrorCode::none ? Value{} : Value{sentence(directory.error)}},
        {"logDir", directory.path}};
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto session, open_session(arguments));
    TRY(const auto brokers, read_brokers(*session, arguments));
    TRY(const auto topics, arguments.value("topic-list"));
    console.line("Querying brokers for log directories information");
    TRY(const auto found, session->wait(session->admin().describe_log_dirs(brokers)));
    console.line(
        fmt::format("Received log directory information from brokers {}", fmt::join(brokers, ",")));
    Value::List all;
    for (const client::BrokerDirectories& broker : found) {
        Value::List directories;
        for (const auto& directory : broker.directories)
            directories.push_back(directory_value(directory, split(topics.value_or(""))));
        all.push_back(
            Value::Fields{{"broker", broker.broker}, {"logDirs", std::move(directories)}});
    }
    std::string json;
    Value{Value::Fields{{"brokers", std::move(all)}, {"version", 1}}}.write_json(json);
    console.line(json);
    return {};
}

}  // namespace

int log_dirs(const Console& console, const Words& words) {
    const auto failed = [&](const Error& error) {
        std::fflush(console.out);
        console.error_line(sentence(error));
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error());
    if (const auto ended = help_or_version(console, words, *arguments,
                                           "What lies in the brokers' log directories.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server", "describe"}))
        return misused(console, *missing, kOptions);
    const auto done = act(console, *arguments);
    return done ? kDone : failed(done.error());
}

}  // namespace millrace::cli::kafka
