// kafka-leader-election: gives partitions back to their preferred leaders, or to any replica.
#include "cli/cluster/partition_file.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/refused.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"admin.config", Takes::value, "file", "As --command-config (deprecated)."},
    {"election-type", Takes::value, "type", "preferred or unclean; required."},
    {"topic", Takes::value, "name", "The topic."},
    {"partition", Takes::value, "number", "Its partition."},
    {"all-topic-partitions", Takes::nothing, "", "All partitions."},
    {"path-to-json-file", Takes::value, "file", "The partitions that a file names."},
    kHelp,
    kVersion,
});

Result<std::optional<std::vector<TopicPartition>>> read_partitions(const Arguments& arguments) {
    using Partitions = std::optional<std::vector<TopicPartition>>;
    if (arguments.has("all-topic-partitions")) return Partitions{};
    TRY(const auto path, arguments.value("path-to-json-file"));
    if (!path) {
        TRY(const auto topic, arguments.value("topic"));
        TRY(const auto partition, arguments.number("partition"));
        return Partitions{{{*topic, *partition}}};
    }
    LocalDisk local;
    const auto text = local.read_all(*path);
    if (!text) return fail(text.code(), fmt::format("Unable to read file {}", *path));
    TRY(const auto lines, parse_partition_file(*text, false));
    std::vector<TopicPartition> out;
    for (const PartitionLine& line : lines) out.push_back(line.partition);
    return Partitions{std::move(out)};
}

std::optional<std::string> misuse_of(const Arguments& arguments) {
    std::string missing;
    for (const std::string_view name : {"bootstrap-server", "election-type"})
        if (!arguments.has(name)) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
    if (!missing.empty()) return fmt::format("Missing required option(s): {}", missing);
    const int scopes = arguments.has("topic") + arguments.has("all-topic-partitions") +
                       arguments.has("path-to-json-file");
    if (scopes != 1)
        return "One and only one of the following options is required: topic, "
               "all-topic-partitions, path-to-json-file";
    if (arguments.has("topic") && !arguments.has("partition"))
        return "Missing required option(s): partition";
    if (!arguments.has("topic") && arguments.has("partition"))
        return "Option partition is only allowed if topic is used";
    return std::nullopt;
}

// The partitions with one outcome as Kafka lists them.
std::string listed(const std::vector<TopicPartition>& partitions) {
    std::string out;
    for (const auto& [topic, partition] : partitions)
        out += fmt::format("{}{}-{}", out.empty() ? "" : ", ", topic, partition);
    return out;
}

Result<int> act(const Console& console, const Arguments& arguments) {
    TRY(const auto type, arguments.value("election-type"));
    const std::string name = *type == "preferred" ? "PREFERRED"
                             : *type == "unclean" ? "UNCLEAN"
                                                  : *type;
    if (name != "PREFERRED" && name != "UNCLEAN")
        return refused(fmt::format("Cannot parse argument '{}' of option election-type", *type));
    TRY(auto partitions, read_partitions(arguments));
    TRY(const auto session,
        open_session(arguments, "bootstrap-server",
                     arguments.has("admin.config") ? "admin.config" : "command-config"));
    TRY(const auto outcomes,
        session->wait(session->admin().elect_leaders(
            name == "PREFERRED" ? client::ElectionType::preferred : client::ElectionType::unclean,
            std::move(partitions))));
    std::vector<TopicPartition> elected, kept;
    size_t failures = 0;
    for (const auto& [tp, error] : outcomes)
        if (error.code == ErrorCode::none)
            elected.push_back(tp);
        else if (error.code == ErrorCode::election_not_needed)
            kept.push_back(tp);
        else
            ++failures;
    if (!elected.empty())
        console.line(fmt::format("Successfully completed leader election ({}) for partitions {}",
                                 name, listed(elected)));
    if (!kept.empty())
        console.line(fmt::format("Valid replica already elected for partitions {}", listed(kept)));
    for (const auto& [tp, error] : outcomes)
        if (error.code != ErrorCode::none && error.code != ErrorCode::election_not_needed)
            console.line(
                fmt::format("Error completing leader election ({}) for partition: {}-{}: "
                            "{}",
                            name, tp.topic, tp.partition, java_exception(error)));
    if (failures == 0) return kDone;
    return refused(fmt::format("{} replica(s) could not be elected", failures));
}

}  // namespace

int leader_election(const Console& console, const Words& words) {
    const auto failed = [&](const std::string& text) {
        std::fflush(console.out);
        console.error_line(text);
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error().message);
    if (const auto ended = help_or_version(
            console, words, *arguments, "Gives partitions to their preferred leaders.", kOptions))
        return *ended;
    if (const auto misuse = misuse_of(*arguments)) return failed(*misuse);
    const auto done = act(console, *arguments);
    return done ? *done : failed(sentence(done.error()));
}

}  // namespace millrace::cli::kafka
