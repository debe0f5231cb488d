// `millrace reassign`
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fstream>

#include "cli/cluster/reassign.h"
#include "cli/local_disk.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct ReassignOptions : ClusterOptions {
    std::vector<std::string> topics;
    std::vector<NodeId> brokers;
    size_t replication = 0;
    std::string file;
    int64_t throttle = -1;
    bool no_wait = false;
    bool additional = false;
    bool all = false;
    bool clear = false;
};

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

Value ids(const std::vector<NodeId>& nodes) {
    return Value::List(nodes.begin(), nodes.end());
}

Table changes(const Plan& plan, const Plan& current, std::string_view result) {
    std::vector<std::string> columns{"topic", "partition", "from", "to"};
    if (!result.empty()) columns.emplace_back("result");
    Table table{std::move(columns)};
    for (const Placement& place : plan) {
        const auto now = std::ranges::find(current, place.partition, &Placement::partition);
        std::vector<Value> row{place.partition.topic, place.partition.partition,
                               now == current.end() ? Value{} : ids(now->replicas),
                               ids(place.replicas)};
        if (!result.empty()) row.emplace_back(result);
        table.add(std::move(row));
    }
    return table;
}

Result<int> plan(const Console& console, Session& session, const ReassignOptions& options) {
    TRY(auto current, current_placement(session, options.topics));
    TRY(auto brokers, broker_places(session));
    for (const NodeId id : options.brokers)
        if (std::ranges::find(brokers, id, &BrokerPlace::id) == brokers.end())
            return refused(
                fmt::format("there is no broker {}; `millrace cluster describe` shows "
                            "the brokers",
                            id));
    if (!options.brokers.empty())
        std::erase_if(brokers, [&](const BrokerPlace& broker) {
            return std::ranges::find(options.brokers, broker.id) == options.brokers.end();
        });
    std::ranges::sort(current, {}, &Placement::partition);
    Plan proposed;
    for (const std::string& topic : std::set(options.topics.begin(), options.topics.end())) {
        std::vector<const Placement*> places;
        for (const Placement& place : current)
            if (place.partition.topic == topic) places.push_back(&place);
        const size_t replication =
            options.replication ? options.replication : places.front()->replicas.size();
        if (replication > brokers.size())
            return refused(fmt::format("{}: {} replicas need as many brokers, not {}", topic,
                                       replication, brokers.size()));
        const auto replicas = spread_replicas(brokers, places.size(), replication,
                                              session.cluster().loop().rng().below(brokers.size()));
        for (size_t i = 0; i != places.size(); ++i)
            proposed.push_back({places[i]->partition, replicas[i], {}});
    }
    if (options.file.empty()) {
        console.show(changes(proposed, current, {}));
        return kDone;
    }
    std::ofstream out(options.file);
    out << plan_json(proposed) << '\n';
    if (!out.flush())
        return fail(ErrorCode::io_error, fmt::format("cannot write {}", options.file));
    console.show(changes(proposed, current, "planned"));
    return kDone;
}

Result<Plan> read_plan(const std::string& path) {
    LocalDisk local;
    TRY(const std::string text, local.read_all(path));
    TRY(Plan plan, parse_plan(text));
    TRY_OK(check_plan(plan));
    return plan;
}

std::set<TopicPartition> partitions_of(const Plan& plan) {
    std::set<TopicPartition> out;
    for (const Placement& place : plan) out.insert(place.partition);
    return out;
}

std::vector<std::string> topics_of(const Plan& plan) {
    std::set<std::string> out;
    for (const Placement& place : plan) out.insert(place.partition.topic);
    return {out.begin(), out.end()};
}

Result<void> clear_throttles(Session& session, const std::vector<std::string>& topics) {
    TRY(const auto places, broker_places(session));
    std::vector<NodeId> brokers;
    for (const BrokerPlace& place : places) brokers.push_back(place.id);
    TRY_OK(clear_broker_throttles(session, brokers));
    return clear_topic_throttles(session, topics);
}

// Until none of the partitions moves; on a terminal one line tells how many are done.
Result<void> wait_for(Session& session, const std::set<TopicPartition>& partitions) {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    for (;;) {
        TRY(const auto active, session.wait(session.admin().list_reassignments(
                                   std::vector(partitions.begin(), partitions.end()))));
        if (terminal)
            fmt::print(stderr, "\r{} of {} partitions moved", partitions.size() - active.size(),
                       partitions.size());
        if (active.empty()) break;
        nap(session, std::chrono::milliseconds{500});
    }
    if (terminal) fmt::print(stderr, "\n");
    return {};
}

Result<int> start(const Console& console, Session& session, const ReassignOptions& options) {
    TRY(const Plan plan, read_plan(options.file));
    const std::set<TopicPartition> partitions = partitions_of(plan);
    TRY(const auto current, current_placement(session, topics_of(plan), &partitions));
    TRY(const auto active, session.wait(session.admin().list_reassignments()));
    if (!active.empty() && !options.additional)
        return refused(
            "other moves are under way (`millrace reassign status` shows them); --additional "
            "begins these, too");
    if (options.dry_run) {
        console.show(changes(plan, current, "would be moved"));
        return kDone;
    }
    if (options.throttle >= 0)
        TRY_OK(throttle_moves(session, moves_of(active, plan, current), options.throttle));
    std::map<TopicPartition, client::NewReplicas> wanted;
    for (const Placement& place : plan) wanted[place.partition] = place.replicas;
    TRY(const auto outcomes, session.wait(session.admin().alter_reassignments(std::move(wanted))));
    std::vector<client::Outcome> failures;
    for (const auto& [tp, error] : outcomes)
        failures.push_back({fmt::format("{}-{}", tp.topic, tp.partition), error});
    const int status = tell_failures(console, failures);
    const std::map<client::Replica, std::string> directories = wanted_directories(plan);
    if (status == kDone && !directories.empty()) {
        TRY(const auto begun, session.wait(session.admin().alter_log_dirs(directories)));
        for (const auto& [replica, error] : begun)
            // A replica that is not there yet will begin there.
            if (error.code != ErrorCode::none && error.code != ErrorCode::replica_not_available)
                return error;
    }
    if (status == kDone && !options.no_wait) {
        TRY_OK(wait_for(session, partitions));
        if (options.throttle >= 0) TRY_OK(clear_throttles(session, topics_of(plan)));
    }
    console.show(changes(plan, current,
                         status != kDone   ? "failed"
                         : options.no_wait ? "started"
                                           : "moved"));
    // Nothing moves, nothing is to be held back.
    if (status != kDone && options.throttle >= 0 && active.empty())
        TRY_OK(clear_throttles(session, topics_of(plan)));
    if (status == kDone && options.no_wait && options.throttle >= 0) {
        std::fflush(console.out);
        console.error_line(
            "millrace: the throttle stays until `millrace reassign status --clear-throttles "
            "PLAN`");
    }
    return status;
}

Result<int> status(const Console& console, Session& session, const ReassignOptions& options) {
    TRY(const auto active, session.wait(session.admin().list_reassignments()));
    Table table{{"topic", "partition", "replicas", "adding", "removing", "state"}};
    const auto row = [&](const TopicPartition& tp, const client::Reassignment& one) {
        table.add({tp.topic, tp.partition, ids(one.target()), ids(one.adding), ids(one.removing),
                   "moving"});
    };
    if (options.file.empty()) {
        for (const auto& [tp, one] : active) row(tp, one);
        console.show(table);
        return kDone;
    }
    TRY(const Plan plan, read_plan(options.file));
    const std::set<TopicPartition> partitions = partitions_of(plan);
    TRY(const auto current, current_placement(session, topics_of(plan), &partitions));
    bool moving = false;
    for (const Placement& place : plan) {
        const auto one = active.find(place.partition);
        const auto now = std::ranges::find(current, place.partition, &Placement::partition);
        moving |= one != active.end();
        if (one != active.end())
            row(place.partition, one->second);
        else
            table.add({place.partition.topic, place.partition.partition, ids(now->replicas),
                       Value{}, Value{}, now->replicas == place.replicas ? "moved" : "elsewhere"});
    }
    console.show(table);
    if (!options.clear) return kDone;
    if (moving) return refused("the throttle stays while partitions move");
    TRY_OK(clear_throttles(session, topics_of(plan)));
    return kDone;
}

Result<int> cancel(const Console& console, Session& session, const ReassignOptions& options) {
    if (options.topics.empty() && !options.all)
        return refused("nothing is named: give topics, or --all");
    TRY(const auto active, session.wait(session.admin().list_reassignments()));
    std::map<TopicPartition, client::NewReplicas> wanted;
    std::set<std::string> topics;
    for (const auto& [tp, one] : active)
        if (options.all || std::ranges::find(options.topics, tp.topic) != options.topics.end()) {
            wanted[tp] = std::nullopt;
            topics.insert(tp.topic);
        }
    Table table{{"topic", "partition", "result"}};
    if (options.dry_run || wanted.empty()) {
        for (const auto& [tp, nothing] : wanted)
            table.add({tp.topic, tp.partition, "would be cancelled"});
        console.show(table);
        return kDone;
    }
    TRY(const auto outcomes, session.wait(session.admin().alter_reassignments(std::move(wanted))));
    std::vector<client::Outcome> failures;
    for (const auto& [tp, error] : outcomes) {
        failures.push_back({fmt::format("{}-{}", tp.topic, tp.partition), error});
        if (error.code == ErrorCode::none) table.add({tp.topic, tp.partition, "cancelled"});
    }
    // Of moves that go on the throttle stays.
    if (active.size() == outcomes.size())
        TRY_OK(clear_throttles(session, {topics.begin(), topics.end()}));
    console.show(table);
    return tell_failures(console, failures);
}

}  // namespace

void add_reassign_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("reassign", "Move replicas to other brokers");
    noun.require_subcommand(1);
    auto o = std::make_shared<ReassignOptions>();
    CLI::App& planning =
        add_verb(noun, native, "plan", "Propose where replicas could go; changes nothing", o, plan);
    planning.add_option("TOPIC", o->topics, "Whose replicas")->required();
    planning.add_option("--brokers", o->brokers, "Where they may go: 1,2,3; else anywhere")
        ->delimiter(',');
    planning.add_option("--replication", o->replication, "How many replicas; else as many as now")
        ->check(CLI::PositiveNumber);
    planning.add_option("-o,--out", o->file, "A file for `millrace reassign start`");
    planning.footer(
        "\nExample:\n  millrace reassign plan orders -b localhost:9092 --brokers 2,3,4 -o "
        "plan.json\n");
    o = std::make_shared<ReassignOptions>();
    CLI::App& starting = add_verb(noun, native, "start", "Move replicas as a plan says", o, start);
    starting.add_option("PLAN", o->file, "The plan's file")->required()->check(CLI::ExistingFile);
    starting
        .add_option("--throttle", o->throttle,
                    "Bytes a second and broker at most; lifted when all is done")
        ->check(CLI::NonNegativeNumber);
    starting.add_flag("--no-wait", o->no_wait, "Do not wait for the end");
    starting.add_flag("--additional", o->additional, "Though other moves are under way");
    add_dry_run(starting, *o);
    o = std::make_shared<ReassignOptions>();
    CLI::App& telling = add_verb(noun, native, "status", "What moves now", o, status);
    telling.add_option("PLAN", o->file, "How far this plan is")->check(CLI::ExistingFile);
    telling.add_flag("--clear-throttles", o->clear, "Lift the throttle when the plan is done");
    o = std::make_shared<ReassignOptions>();
    CLI::App& stopping = add_verb(noun, native, "cancel", "Call moves off", o, cancel);
    stopping.add_option("TOPIC", o->topics, "Of these topics");
    stopping.add_flag("--all", o->all, "All that are under way");
    add_dry_run(stopping, *o);
}

}  // namespace millrace::cli
