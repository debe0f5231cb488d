// kafka-transactions: open transactions, and who writes to a partition.
#include "cli/cluster/transactions.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/exceptions.h"
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
    {"duration-filter", "", one, false, 0, "Only those open for longer, in ms.", "Long"},
    {"transactional-id-pattern", "", one, false, 0, "Only ids that fit a pattern."}};
constexpr Flag kDescribeFlags[] = {{"transactional-id", "", one, true, 0, "Which."}};
constexpr Flag kProducersFlags[] = {
    {"broker-id", "", one, false, 0, "As this replica knows it, not the leader.", "Integer"},
    {"topic", "", one, true, 0, "The topic."},
    {"partition", "", one, true, 0, "Its partition.", "Integer"}};
constexpr Flag kAbortFlags[] = {
    {"topic", "", one, true, 0, "The topic."},
    {"partition", "", one, true, 0, "Its partition.", "Integer"},
    {"start-offset", "", one, false, 0, "Where the transaction begins in it.", "Long"},
    {"producer-id", "", one, false, 0, "Or, for brokers before 3.0: its producer,", "Long"},
    {"producer-epoch", "", one, false, 0, "the producer's epoch", "Short"},
    {"coordinator-epoch", "", one, false, 0, "and the coordinator's.", "Integer"}};
constexpr Flag kHangingFlags[] = {
    {"broker-id", "", one, false, 0, "Only replicas of this broker.", "Integer"},
    {"max-transaction-timeout", "", one, false, 0,
     "Only those that nothing was written to for so many minutes (default: 15).", "Integer"},
    {"topic", "", one, false, 0, "Only this topic."},
    {"partition", "", one, false, 0, "Only this partition of it.", "Integer"}};
constexpr Flag kTerminateFlags[] = {{"transactionalId", "", one, true, 0, "Which."}};
constexpr Command kCommands[] = {
    {"list", "Transactional ids and their states.", kListFlags},
    {"describe", "The transaction of one id.", kDescribeFlags},
    {"describe-producers", "Who writes to a partition.", kProducersFlags},
    {"abort", "End a transaction that hangs.", kAbortFlags},
    {"find-hanging", "Transactions that no coordinator knows of.", kHangingFlags},
    {"forceTerminateTransaction", "Abort what is open under an id.", kTerminateFlags},
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

Result<void> list(const Console& console, Session& session, const FlagValues& flags) {
    const int64_t duration = flags.number("duration-filter").value_or(-1);
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
    const int64_t index = flags.number("partition").value_or(0);
    const int64_t broker = flags.number("broker-id").value_or(-1);
    const TopicPartition partition{*flags.value("topic"), static_cast<PartitionIndex>(index)};
    std::vector<client::ActiveProducer> found;
    if (broker < 0) {
        TRY(found, session.wait(session.admin().describe_producers(partition)));
    } else {
        TRY(auto all, session.wait(session.admin().describe_producers(
                          std::vector{partition}, static_cast<NodeId>(broker))));
        client::PartitionProducers& one = all[partition];
        if (one.error.code != ErrorCode::none)
            return fail(one.error.code,
                        fmt::format("Failed to describe producers for partition {}-{} on broker "
                                    "{}: {}. Enable debug logging for additional detail.",
                                    partition.topic, partition.partition, broker,
                                    java_sentence(one.error)));
        found = std::move(one.producers);
    }
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

Result<client::AbortedTransaction> transaction_meant(Session& session, const FlagValues& flags) {
    const int64_t index = flags.number("partition").value_or(0);
    const TopicPartition partition{*flags.value("topic"), static_cast<PartitionIndex>(index)};
    const int64_t start = flags.number("start-offset").value_or(-1);
    const int64_t producer = flags.number("producer-id").value_or(-1);
    if (!flags.has("start-offset") && !flags.has("producer-id"))
        return fail(ErrorCode::invalid_request,
                    "The transaction to abort must be identified either with --start-offset (for "
                    "brokers on 3.0 or above) or with --producer-id, --producer-epoch, and "
                    "--coordinator-epoch (for older brokers)");
    if (flags.has("start-offset")) {
        TRY(const auto found, transaction_at(session, partition, start));
        if (found) return *found;
        return fail(ErrorCode::invalid_request,
                    fmt::format("Could not find any open transactions starting at offset {} on "
                                "partition {}-{}",
                                start, partition.topic, partition.partition));
    }
    for (const std::string_view name : {"producer-epoch", "coordinator-epoch"})
        if (!flags.has(name))
            return fail(ErrorCode::invalid_request,
                        fmt::format("Missing required argument --{}", name));
    const int64_t epoch = flags.number("producer-epoch").value_or(-1);
    const int64_t coordinator = flags.number("coordinator-epoch").value_or(0);
    // Kafka's tool: an epoch that is not known any more counts as the first.
    return client::AbortedTransaction{partition, producer, static_cast<ProducerEpoch>(epoch),
                                      std::max(static_cast<int32_t>(coordinator), 0)};
}

Result<void> abort(const Console&, Session& session, const FlagValues& flags) {
    TRY(const auto which, transaction_meant(session, flags));
    const auto done = session.wait(session.admin().abort_transaction(which));
    if (done) return {};
    return fail(done.code(),
                fmt::format("Failed to abort transaction {}-{}: {}", which.partition.topic,
                            which.partition.partition, java_sentence(done.error())));
}

Result<void> find_hanging(const Console& console, Session& session, const FlagValues& flags) {
    constexpr int64_t kMinuteMs = 60'000;
    constexpr int64_t kMinutes = 15;
    const int64_t broker = flags.number("broker-id").value_or(-1);
    const int64_t minutes = flags.number("max-transaction-timeout").value_or(kMinutes);
    const int64_t partition = flags.number("partition").value_or(-1);
    if (!flags.has("topic") && !flags.has("broker-id"))
        return fail(ErrorCode::invalid_request,
                    "The `find-hanging` command requires either --topic or --broker-id to limit "
                    "the scope of the search");
    HangingSearch search{.topic = flags.value("topic"), .quiet_ms_min = minutes * kMinuteMs};
    if (flags.has("broker-id")) search.broker = static_cast<NodeId>(broker);
    if (flags.has("partition")) search.partition = static_cast<PartitionIndex>(partition);
    TRY(const auto found, cli::find_hanging(session, search));
    std::vector<std::vector<std::string>> rows{{"Topic", "Partition", "ProducerId", "ProducerEpoch",
                                                "CoordinatorEpoch", "StartOffset", "LastTimestamp",
                                                "Duration(min)"}};
    for (const HangingTransaction& one : found)
        rows.push_back(
            {one.partition.topic, fmt::to_string(one.partition.partition),
             fmt::to_string(one.producer.producer), fmt::to_string(one.producer.epoch),
             fmt::to_string(one.producer.coordinator_epoch),
             fmt::to_string(one.producer.transaction_start),
             fmt::to_string(one.producer.last_timestamp),
             fmt::to_string((session.wall_ms() - one.producer.last_timestamp) / kMinuteMs)});
    print_rows(console, rows);
    return {};
}

Result<void> act(const Console& console, const ParsedCommand& parsed) {
    const std::string_view name = parsed.command->name;
    TRY(const auto session,
        Session::open({.bootstrap_servers = *parsed.before.value("bootstrap-server"),
                       .command_config = parsed.before.value("command-config").value_or("")}));
    if (name == "list") return list(console, *session, parsed.flags);
    if (name == "describe") return describe(console, *session, parsed.flags);
    if (name == "abort") return abort(console, *session, parsed.flags);
    if (name == "find-hanging") return find_hanging(console, *session, parsed.flags);
    if (name == "forceTerminateTransaction")
        return session->wait(
            session->admin().force_terminate_transaction(*parsed.flags.value("transactionalId")));
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
