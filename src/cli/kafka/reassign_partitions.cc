// kafka-reassign-partitions: moves replicas between brokers and directories.
#include "cli/kafka/misuse.h"
#include "cli/kafka/reassign_generate.h"
#include "cli/kafka/reassign_verify.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using client::Replica;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kBootstrapController,
    kCommandConfig,
    {"generate", Takes::nothing, "", "Propose where the replicas of topics could go."},
    {"execute", Takes::nothing, "", "Begin to move replicas."},
    {"verify", Takes::nothing, "", "Tell how far it is; remove throttles at the end."},
    {"cancel", Takes::nothing, "", "Call moves off."},
    {"list", Takes::nothing, "", "Show all moves under way."},
    {"reassignment-json-file", Takes::value, "file", "Where replicas are to go."},
    {"topics-to-move-json-file", Takes::value, "file", "Topics to propose something for."},
    {"broker-list", Takes::value, "1,2,...", "The brokers that replicas may go to."},
    {"disable-rack-aware", Takes::nothing, "", "Pay no heed to racks."},
    {"throttle", Takes::value, "bytes/s", "Bound of the traffic between brokers."},
    {"replica-alter-log-dirs-throttle", Takes::value, "bytes/s", "Bound between directories."},
    {"timeout", Takes::value, "ms", "How long to wait for moves between directories to begin."},
    {"additional", Takes::nothing, "", "Though other moves are under way."},
    {"preserve-throttles", Takes::nothing, "", "Leave throttles as they are."},
    {"disallow-replication-factor-change", Takes::nothing, "",
     "Refuse another number of replicas."},
    kHelp,
    kVersion,
});

struct Action {
    std::string_view name;
    std::vector<std::string_view> needs;
    std::vector<std::string_view> may;
};
const std::vector<Action>& actions() {
    static const std::vector<Action> kActions = {
        {"generate",
         {"topics-to-move-json-file", "broker-list"},
         {"bootstrap-server", "command-config", "disable-rack-aware"}},
        {"execute",
         {"reassignment-json-file"},
         {"additional", "bootstrap-server", "command-config", "throttle",
          "replica-alter-log-dirs-throttle", "timeout", "disallow-replication-factor-change"}},
        {"verify",
         {"reassignment-json-file"},
         {"bootstrap-server", "command-config", "preserve-throttles"}},
        {"cancel",
         {"reassignment-json-file"},
         {"bootstrap-server", "bootstrap-controller", "command-config", "preserve-throttles",
          "timeout"}},
        {"list", {}, {"bootstrap-server", "bootstrap-controller", "command-config"}},
    };
    return kActions;
}

const Action* action_of(const Arguments& arguments) {
    const Action* out = nullptr;
    for (const Action& action : actions()) {
        if (!arguments.has(action.name)) continue;
        if (out) return nullptr;
        out = &action;
    }
    return out;
}

std::optional<std::string> misuse_of(const Arguments& arguments) {
    const Action* action = action_of(arguments);
    if (!action)
        return "Command must include exactly one action: --generate, --execute, --verify, "
               "--cancel, --list";
    if (arguments.has("bootstrap-server") && arguments.has("bootstrap-controller"))
        return "Please don't specify both --bootstrap-server and --bootstrap-controller";
    if (!arguments.has("bootstrap-server") && !arguments.has("bootstrap-controller"))
        return "Please specify either --bootstrap-server or --bootstrap-controller";
    for (const std::string_view needed : action->needs)
        if (!arguments.has(needed))
            return fmt::format("Missing required argument \"[{}]\"", needed);
    for (const Option& option : kOptions) {
        const auto in = [&](const auto& names) {
            return std::ranges::find(names, option.name) != names.end();
        };
        if (arguments.has(option.name) && option.name != action->name && !in(action->needs) &&
            !in(action->may))
            return fmt::format("Option \"[{}]\" can't be used with action \"[{}]\"", option.name,
                               action->name);
    }
    return std::nullopt;
}

template <typename Partitions>
std::string listed(const Partitions& partitions) {
    std::string out;
    for (const TopicPartition& tp : partitions) out += (out.empty() ? "" : ",") + text(tp);
    return out;
}

// Begins moves between directories; those that a broker cannot begin yet are tried again.
Result<void> move_directories(const Console& console, Session& session,
                              std::map<Replica, std::string> left, int64_t patience_ms) {
    const TimestampMs until = session.wall_ms() + patience_ms;
    while (!left.empty()) {
        TRY(const auto outcomes, session.wait(session.admin().alter_log_dirs(left)));
        for (const auto& [replica, error] : outcomes) {
            if (error.code == ErrorCode::replica_not_available) continue;
            if (error.code != ErrorCode::none)
                return refused(fmt::format("Failed to alter dir for {}-{}", text(replica.partition),
                                           replica.broker));
            console.line(fmt::format(
                "Successfully started moving log directory to {} for replica {} with broker {} ",
                left.at(replica), text(replica.partition), replica.broker));
            left.erase(replica);
        }
        if (left.empty()) break;
        if (session.wall_ms() >= until) {
            std::string names;
            for (const auto& [replica, path] : left)
                names += fmt::format("{}{}-{}", names.empty() ? "" : ",", text(replica.partition),
                                     replica.broker);
            return refused(
                fmt::format("Timed out before log directory move{} could be started for: {}",
                            plural(left.size()), names));
        }
        nap(session, std::chrono::milliseconds{100});
    }
    return {};
}

Result<void> throttle(const Console& console, Session& session, const Arguments& arguments,
                      const Reassignments& active, const Plan& plan, const Plan& current) {
    TRY(const auto between, arguments.long_number("throttle"));
    TRY(const auto inside, arguments.long_number("replica-alter-log-dirs-throttle"));
    if (between.value_or(-1) < 0 && inside.value_or(-1) < 0) return {};
    console.line(
        "Warning: You must run --verify periodically, until the reassignment completes, to ensure "
        "the throttle is removed.");
    if (between.value_or(-1) >= 0) {
        TRY_OK(throttle_moves(session, moves_of(active, plan, current), *between));
        console.line(fmt::format("The inter-broker throttle limit was set to {} B/s", *between));
    }
    if (inside.value_or(-1) >= 0) {
        std::set<NodeId> brokers;
        for (const auto& [replica, path] : wanted_directories(plan)) brokers.insert(replica.broker);
        TRY_OK(throttle_directories(session, brokers, *inside));
        console.line(
            fmt::format("The replica-alter-dir throttle limit was set to {} B/s", *inside));
    }
    return {};
}

Result<int> execute(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto timeout, arguments.long_number("timeout"));
    TRY_OK(arguments.long_number("throttle"));
    TRY(const Plan plan, read_plan(arguments));
    TRY_OK(check_plan(plan));
    const auto active = session.wait(session.admin().list_reassignments());
    if (!active) return thrown(active.error());
    if (!active->empty() && !arguments.has("additional")) {
        console.line(
            "Cannot execute because there is an existing partition assignment.  Use --additional "
            "to override this and create a new partition assignment in addition to the existing "
            "one. The --additional flag can also be used to change the throttle by resubmitting "
            "the current reassignment.");
        return kFailed;
    }
    TRY(const auto brokers, broker_places(session));
    for (const Placement& place : plan)
        for (const NodeId id : place.replicas)
            if (std::ranges::find(brokers, id, &BrokerPlace::id) == brokers.end())
                return refused(fmt::format("Unknown broker id {}", id));
    const std::set<TopicPartition> partitions = partitions_of(plan);
    auto current = current_placement(session, topics_of(plan), &partitions);
    if (!current) return thrown(current.error());
    std::ranges::sort(*current, {}, &Placement::partition);
    console.line(
        fmt::format("Current partition replica assignment\n\n{}\n\nSave this to use as the "
                    "--reassignment-json-file option during rollback",
                    plan_json(*current)));
    if (auto bound = throttle(console, session, arguments, *active, plan, *current); !bound)
        return thrown(bound.error());
    std::map<TopicPartition, client::NewReplicas> wanted;
    for (const Placement& place : plan) wanted[place.partition] = place.replicas;
    const auto outcomes = session.wait(session.admin().alter_reassignments(
        std::move(wanted), !arguments.has("disallow-replication-factor-change")));
    if (!outcomes) return thrown(outcomes.error());
    std::string failures;
    for (const auto& [tp, error] : *outcomes)
        if (error.code != ErrorCode::none)
            failures += fmt::format("\n{}: {}", text(tp), java_sentence(error));
    if (!failures.empty()) {
        console.line("Error reassigning partition(s):" + failures);
        return kFailed;
    }
    console.line(fmt::format("Successfully started partition reassignment{} for {}",
                             plural(partitions.size()), listed(partitions)));
    constexpr int64_t kPatienceMs = 10'000;
    TRY_OK(move_directories(console, session, wanted_directories(plan),
                            timeout.value_or(kPatienceMs)));
    return kDone;
}

Result<int> cancel(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const Plan plan, read_plan(arguments));
    const auto active = session.wait(session.admin().list_reassignments());
    if (!active) return thrown(active.error());
    std::map<TopicPartition, client::NewReplicas> wanted;
    for (const TopicPartition& tp : partitions_of(plan))
        if (active->contains(tp)) wanted[tp] = std::nullopt;
    if (wanted.empty()) {
        console.line("None of the specified partition reassignments are active.");
    } else {
        const auto outcomes = session.wait(session.admin().alter_reassignments(wanted));
        if (!outcomes) return thrown(outcomes.error());
        std::string failures;
        std::vector<TopicPartition> done;
        for (const auto& [tp, error] : *outcomes) {
            done.push_back(tp);
            if (error.code != ErrorCode::none)
                failures += fmt::format("\n{}: {}", text(tp), java_sentence(error));
        }
        if (!failures.empty()) {
            console.line(fmt::format("Error cancelling partition reassignment{} for:{}",
                                     plural(done.size()), failures));
            return kFailed;
        }
        console.line(fmt::format("Successfully cancelled partition reassignment{} for: {}",
                                 plural(done.size()), listed(done)));
    }
    std::vector<Replica> replicas;
    for (const auto& [replica, path] : wanted_directories(plan)) replicas.push_back(replica);
    TRY(const auto states, directory_states(session, replicas));
    std::map<Replica, std::string> back;
    for (const auto& [replica, state] : states)
        if (state.future && state.now) back[replica] = *state.now;
    if (back.empty()) console.print("None of the specified partition moves are active.");
    constexpr int64_t kPatienceMs = 10'000;
    TRY(const auto timeout, arguments.long_number("timeout"));
    TRY_OK(move_directories(console, session, std::move(back), timeout.value_or(kPatienceMs)));
    if (!arguments.has("preserve-throttles")) TRY_OK(clear_throttles(console, session, plan));
    return kDone;
}

Result<int> list(const Console& console, Session& session) {
    const auto active = session.wait(session.admin().list_reassignments());
    if (!active) return thrown(active.error());
    console.line(active->empty() ? "No partition reassignments found."
                                 : "Current partition reassignments:");
    for (const auto& [tp, one] : *active) {
        std::string line = fmt::format("{}: replicas: {}.", text(tp), fmt::join(one.replicas, ","));
        if (!one.adding.empty()) line += fmt::format(" adding: {}.", fmt::join(one.adding, ","));
        if (!one.removing.empty())
            line += fmt::format(" removing: {}.", fmt::join(one.removing, ","));
        console.line(line);
    }
    return kDone;
}

Result<int> act(const Console& console, const Arguments& arguments) {
    TRY(const auto session, open_session(arguments));
    const std::string_view action = action_of(arguments)->name;
    if (action == "generate") return generate_reassignment(console, *session, arguments);
    if (action == "execute") return execute(console, *session, arguments);
    if (action == "verify") return verify_reassignment(console, *session, arguments);
    if (action == "cancel") return cancel(console, *session, arguments);
    return list(console, *session);
}

}  // namespace

int reassign_partitions(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) {
        console.error_line(arguments.error().message);
        return kFailed;
    }
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Moves replicas between brokers and directories.", kOptions))
        return *ended;
    if (const auto why = misuse_of(*arguments)) return misused(console, *why, kOptions);
    const auto done = act(console, *arguments);
    if (done) return *done;
    // Kafka's tool tells this on its standard output.
    console.line(fmt::format("Error: {}", sentence(done.error())));
    return kFailed;
}

}  // namespace millrace::cli::kafka
