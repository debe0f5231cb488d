// kafka-transactions: open transactions, and who writes to a partition.
#include <charconv>

#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;

constexpr Flag kBefore[] = {
    {"version", "v", nothing, false, 0, "Show the release of Kafka that is meant."},
    {"command-config", "", one, false, 0, "A file with client properties."},
    {"bootstrap-server", "", one, true, 0, "Brokers of the cluster."},
};
constexpr Flag kListFlags[] = {
    {"duration-filter", "", one, false, 0, "Only those open for longer, in ms."},
    {"transactional-id-pattern", "", one, false, 0, "Only ids that fit a pattern."}};
constexpr Flag kDescribeFlags[] = {{"transactional-id", "", one, true, 0, "Which."}};
constexpr Flag kProducersFlags[] = {
    {"broker-id", "", one, false, 0, "Not the leader's view: not served yet."},
    {"topic", "", one, true, 0, "The topic."},
    {"partition", "", one, true, 0, "Its partition."}};
constexpr Command kCommands[] = {
    {"list", "Transactional ids and their states.", kListFlags},
    {"describe", "The transaction of one id.", kDescribeFlags},
    {"describe-producers", "Who writes to a partition.", kProducersFlags},
    {"abort", "Not served yet.", {}},
    {"find-hanging", "Not served yet.", {}},
    {"forceTerminateTransaction", "Not served yet.", {}},
};

// Columns with a tab behind each, as wide as what is in them.
void print_rows(const Console& console, const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths(rows[0].size());
    for (const auto& row : rows)
        for (size_t i = 0; i != row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i != row.size(); ++i) line += fmt::format("{:<{}}\t", row[i], widths[i]);
        console.line(line);
    }
}

Result<int64_t> number(const FlagValues& flags, std::string_view name, int64_t otherwise) {
    const auto text = flags.value(name);
    if (!text) return otherwise;
    int64_t n = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), n);
    if (error != std::errc{} || stop != text->data() + text->size())
        return fail(ErrorCode::invalid_request,
                    fmt::format("argument --{}: could not convert '{}'", name, *text));
    return n;
}

Result<void> list(const Console& console, Session& session, const FlagValues& flags) {
    TRY(const int64_t duration, number(flags, "duration-filter", -1));
    TRY(const auto found, session.wait(session.admin().list_transactions(
                              duration, flags.value("transactional-id-pattern").value_or(""))));
    std::vector<std::vector<std::string>> rows{
        {"TransactionalId", "Coordinator", "ProducerId", "TransactionState"}};
    for (const auto& one : found)
        rows.push_back(
            {one.id, fmt::to_string(one.coordinator), fmt::to_string(one.producer), one.state});
    print_rows(console, rows);
    return {};
}

Result<void> describe(const Console& console, Session& session, const FlagValues& flags) {
    const std::string id = *flags.value("transactional-id");
    TRY(const auto found, session.wait(session.admin().describe_transaction(id)));
    if (found.error.code != ErrorCode::none)
        return fail(found.error.code,
                    fmt::format("Failed to describe transaction state of transactional-id `{}`: "
                                "DescribeTransactions request for transactionalId `{}` failed "
                                "because the ID could not be found. Enable debug logging for "
                                "additional detail.",
                                id, id));
    std::string partitions;
    for (const auto& [topic, partition] : found.partitions)
        partitions += fmt::format("{}{}-{}", partitions.empty() ? "" : ",", topic, partition);
    const bool open = found.started >= 0;
    print_rows(console,
               {{"CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch",
                 "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs",
                 "TransactionDurationMs", "TopicPartitions"},
                {fmt::to_string(found.coordinator), id, fmt::to_string(found.producer),
                 fmt::to_string(found.epoch), found.state, fmt::to_string(found.timeout_ms),
                 open ? fmt::to_string(found.started) : "None",
                 open ? fmt::to_string(session.wall_ms() - found.started) : "None", partitions}});
    return {};
}

Result<void> describe_producers(const Console& console, Session& session, const FlagValues& flags) {
    if (flags.has("broker-id"))
        return fail(ErrorCode::invalid_request, "--broker-id is not served yet.");
    TRY(const int64_t partition, number(flags, "partition", 0));
    TRY(const auto found, session.wait(session.admin().describe_producers(
                              {*flags.value("topic"), static_cast<PartitionIndex>(partition)})));
    std::vector<std::vector<std::string>> rows{{"ProducerId", "ProducerEpoch",
                                                "LatestCoordinatorEpoch", "LastSequence",
                                                "LastTimestamp", "CurrentTransactionStartOffset"}};
    for (const auto& one : found)
        rows.push_back(
            {fmt::to_string(one.producer), fmt::to_string(one.epoch),
             fmt::to_string(one.coordinator_epoch), fmt::to_string(one.last_sequence),
             fmt::to_string(one.last_timestamp),
             one.transaction_start < 0 ? "None" : fmt::to_string(one.transaction_start)});
    print_rows(console, rows);
    return {};
}

Result<void> act(const Console& console, const ParsedCommand& parsed) {
    const std::string_view name = parsed.command->name;
    if (name == "abort" || name == "find-hanging" || name == "forceTerminateTransaction")
        return fail(ErrorCode::invalid_request, fmt::format("{} is not served yet.", name));
    TRY(const auto session,
        Session::open({.bootstrap_servers = *parsed.before.value("bootstrap-server"),
                       .command_config = parsed.before.value("command-config").value_or("")}));
    if (name == "list") return list(console, *session, parsed.flags);
    if (name == "describe") return describe(console, *session, parsed.flags);
    return describe_producers(console, *session, parsed.flags);
}

}  // namespace

int transactions(const Console& console, const Words& words) {
    int status = kDone;
    const auto parsed =
        parse_command(console, "kafka-transactions.sh", kBefore, kCommands, words, status);
    if (!parsed) return status;
    const auto done = act(console, *parsed);
    return done ? kDone : tell(console, done.error());
}

}  // namespace millrace::cli::kafka
