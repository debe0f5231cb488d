#include "cli/kafka/reassign_verify.h"

namespace millrace::cli::kafka {
namespace {

using client::Replica;

// Prints how far the moves between brokers are; whether some go on.
Result<bool> tell_partitions(const Console& console, Session& session, const Plan& plan,
                             const Reassignments& active) {
    TRY(const auto topics, session.wait(session.admin().describe_topics(topics_of(plan))));
    std::map<TopicPartition, std::vector<NodeId>> now;
    for (const client::TopicDescription& topic : topics)
        for (const client::PartitionDescription& p : topic.partitions)
            now[{topic.name, p.index}] = p.replicas;
    std::map<TopicPartition, std::vector<NodeId>> targets;
    for (const Placement& place : plan) targets[place.partition] = place.replicas;
    console.line("Status of partition reassignment:");
    bool going_on = false;
    for (const auto& [tp, target] : targets) {
        if (active.contains(tp)) {
            going_on = true;
            console.line(
                fmt::format("Reassignment of partition {} is still in progress.", text(tp)));
        } else if (now[tp] == target) {
            console.line(fmt::format("Reassignment of partition {} is completed.", text(tp)));
        } else {
            console.line(
                fmt::format("There is no active reassignment of partition {}, but replica "
                            "set is {} rather than {}.",
                            text(tp), fmt::join(now[tp], ","), fmt::join(target, ",")));
        }
    }
    return going_on;
}

// Likewise of moves between directories.
Result<bool> tell_directories(const Console& console, Session& session, const Plan& plan) {
    const auto wanted = wanted_directories(plan);
    std::vector<Replica> replicas;
    for (const auto& [replica, path] : wanted) replicas.push_back(replica);
    TRY(const auto states, directory_states(session, replicas));
    bool going_on = false;
    for (const auto& [replica, path] : wanted) {
        const DirectoryState& state = states.at(replica);
        const std::string name = text(replica.partition);
        if (!state.now) {
            console.line(fmt::format(
                "Partition {} is not found in any live log dir on broker {}. There is likely an "
                "offline log directory on the broker.",
                name, replica.broker));
        } else if (state.future) {
            going_on = true;
            if (*state.future == path)
                console.line(fmt::format("Reassignment of replica {}-{} is still in progress.",
                                         name, replica.broker));
            else
                console.line(fmt::format(
                    "Partition {} on broker {} is being moved to log dir {} instead of {}.", name,
                    replica.broker, *state.future, path));
        } else if (*state.now == path) {
            console.line(fmt::format("Reassignment of replica {}-{} completed successfully.", name,
                                     replica.broker));
        } else {
            console.line(
                fmt::format("Partition {} on broker {} is not being moved from log dir {} to {}.",
                            name, replica.broker, *state.now, path));
        }
    }
    if (wanted.empty()) console.line("");
    // A broker without the replica may begin with it any moment.
    return going_on || std::ranges::any_of(states, [](const auto& one) { return !one.second.now; });
}

}  // namespace

Result<void> clear_throttles(const Console& console, Session& session, const Plan& plan) {
    TRY(const auto places, broker_places(session));
    std::vector<NodeId> brokers;
    for (const BrokerPlace& place : places) brokers.push_back(place.id);
    console.line(fmt::format("Clearing broker-level throttles on broker{} {}",
                             plural(brokers.size()), fmt::join(brokers, ",")));
    if (auto done = clear_broker_throttles(session, brokers); !done) return thrown(done.error());
    const std::vector<std::string> topics = topics_of(plan);
    console.line(fmt::format("Clearing topic-level throttles on topic{} {}", plural(topics.size()),
                             fmt::join(topics, ",")));
    if (auto done = clear_topic_throttles(session, topics); !done) return thrown(done.error());
    return {};
}

Result<int> verify_reassignment(const Console& console, Session& session,
                                const Arguments& arguments) {
    TRY(const Plan plan, read_plan(arguments));
    const auto active = session.wait(session.admin().list_reassignments());
    if (!active) return thrown(active.error());
    TRY(const bool moving, tell_partitions(console, session, plan, *active));
    TRY(const bool copying, tell_directories(console, session, plan));
    if (!moving && !copying && !arguments.has("preserve-throttles"))
        TRY_OK(clear_throttles(console, session, plan));
    return kDone;
}

}  // namespace millrace::cli::kafka
