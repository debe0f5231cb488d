// `millrace transactions`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/native.h"

namespace millrace::cli {
namespace {

struct TransactionsOptions : ClusterOptions {
    std::vector<std::string> ids;
    std::string pattern;
    int64_t running_ms = -1;
    std::string topic;
    PartitionIndex partition = 0;
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
}

}  // namespace millrace::cli
