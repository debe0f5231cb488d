// `millrace transactions`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/transactions.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct TransactionsOptions : ClusterOptions {
    std::vector<std::string> ids;
    std::string pattern;
    int64_t running_ms = -1;
    std::string topic;
    PartitionIndex partition = 0;
    std::optional<NodeId> broker;
    std::optional<std::string> only_topic;
    int64_t quiet_minutes = 15;
    Offset start = -1;
};

Result<int> list(const Console& console, Session& session, const TransactionsOptions& options) {
    TRY(const auto found,
        session.wait(session.admin().list_transactions(options.running_ms, options.pattern)));
    Table table{{"transactional_id", "state", "producer", "coordinator"}};
    for (const auto& one : found) table.add({one.id, one.state, one.producer, one.coordinator});
    console.show(table);
    return kDone;
}

Result<int> describe(const Console& console, Session& session, const TransactionsOptions& options) {
    Table table{{"transactional_id", "state", "producer", "epoch", "timeout_ms", "open_ms",
                 "coordinator", "partitions"}};
    std::vector<client::Outcome> outcomes;
    for (const std::string& id : options.ids) {
        TRY(const auto found, session.wait(session.admin().describe_transaction(id)));
        outcomes.push_back({id, found.error});
        if (found.error.code != ErrorCode::none) continue;
        Value::List partitions;
        for (const auto& [topic, partition] : found.partitions)
            partitions.emplace_back(fmt::format("{}-{}", topic, partition));
        table.add({id, found.state, found.producer, found.epoch, found.timeout_ms,
                   found.started < 0 ? Value{} : Value{session.wall_ms() - found.started},
                   found.coordinator, std::move(partitions)});
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

Result<int> producers(const Console& console, Session& session,
                      const TransactionsOptions& options) {
    TRY(const auto found,
        session.wait(session.admin().describe_producers({options.topic, options.partition})));
    Table table{{"producer", "epoch", "last_sequence", "last_timestamp_ms", "transaction_start"}};
    for (const auto& one : found)
        table.add({one.producer, one.epoch, one.last_sequence, one.last_timestamp,
                   one.transaction_start < 0 ? Value{} : Value{one.transaction_start}});
    console.show(table);
    return kDone;
}

Result<int> hanging(const Console& console, Session& session, const TransactionsOptions& options) {
    constexpr int64_t kMinuteMs = 60'000;
    TRY(const auto found,
        find_hanging(session, {.topic = options.only_topic,
                               .broker = options.broker,
                               .quiet_ms_min = options.quiet_minutes * kMinuteMs}));
    Table table{{"topic", "partition", "start", "producer", "epoch", "last_timestamp_ms"}};
    for (const HangingTransaction& one : found)
        table.add({one.partition.topic, one.partition.partition, one.producer.transaction_start,
                   one.producer.producer, one.producer.epoch, one.producer.last_timestamp});
    console.show(table);
    return kDone;
}

Result<int> abort(const Console& console, Session& session, const TransactionsOptions& options) {
    const TopicPartition partition{options.topic, options.partition};
    TRY(const auto which, transaction_at(session, partition, options.start));
    if (!which)
        return fail(ErrorCode::invalid_request,
                    fmt::format("no open transaction of {}-{} begins at {}", options.topic,
                                options.partition, options.start));
    if (!options.dry_run) TRY_OK(session.wait(session.admin().abort_transaction(*which)));
    Table table{{"topic", "partition", "start", "producer", "epoch", "result"}};
    table.add({partition.topic, partition.partition, options.start, which->producer, which->epoch,
               options.dry_run ? "would be aborted" : "aborted"});
    console.show(table);
    return kDone;
}

}  // namespace

void add_transactions_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("transactions", "Transactions, and who writes where");
    noun.require_subcommand(1);
    auto o = std::make_shared<TransactionsOptions>();
    CLI::App& listed = add_verb(noun, native, "list", "Transactional ids and states", o, list);
    listed.add_option("--pattern", o->pattern, "Only ids that fit this regular expression");
    listed.add_option("--open-for", o->running_ms, "Only those open for longer, in ms");
    o = std::make_shared<TransactionsOptions>();
    add_verb(noun, native, "describe", "The transaction of an id", o, describe)
        .add_option("ID", o->ids, "Transactional ids")
        ->required();
    o = std::make_shared<TransactionsOptions>();
    CLI::App& writers =
        add_verb(noun, native, "producers", "Who writes to a partition", o, producers);
    writers.add_option("TOPIC", o->topic, "The topic")->required();
    writers.add_option("PARTITION", o->partition, "Its partition")->required();
    o = std::make_shared<TransactionsOptions>();
    CLI::App& found = add_verb(noun, native, "find-hanging",
                               "Open transactions that no coordinator knows of", o, hanging);
    found.add_option("--topic", o->only_topic, "Only this topic; else all");
    found.add_option("--broker", o->broker, "Only replicas of this broker, as it knows them");
    found.add_option("--quiet-for", o->quiet_minutes,
                     "Only those that nothing was written to for so many minutes (15)");
    o = std::make_shared<TransactionsOptions>();
    CLI::App& aborted =
        add_verb(noun, native, "abort", "End a transaction that find-hanging shows", o, abort);
    aborted.add_option("TOPIC", o->topic, "The topic")->required();
    aborted.add_option("PARTITION", o->partition, "Its partition")->required();
    aborted.add_option("START", o->start, "Where the transaction begins")->required();
    add_dry_run(aborted, *o);
}

}  // namespace millrace::cli
