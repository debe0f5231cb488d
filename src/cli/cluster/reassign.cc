#include "cli/cluster/reassign.h"

namespace millrace::cli {
namespace {

using client::ConfigChange;
using client::ResourceType;

constexpr std::string_view kLeaderRate = "leader.replication.throttled.rate";
constexpr std::string_view kFollowerRate = "follower.replication.throttled.rate";
constexpr std::string_view kDirectoryRate = "replica.alter.log.dirs.io.max.bytes.per.second";
constexpr std::string_view kLeaderReplicas = "leader.replication.throttled.replicas";
constexpr std::string_view kFollowerReplicas = "follower.replication.throttled.replicas";

Result<void> change(Session& session, ResourceType type, const std::string& name,
                    std::vector<ConfigChange> changes) {
    TRY(const auto outcome,
        session.wait(session.admin().alter_configs({type, name}, std::move(changes))));
    if (outcome.error.code != ErrorCode::none) return outcome.error;
    return {};
}

ConfigChange set(std::string_view name, std::string value) {
    return {std::string{name}, ConfigChange::How::set, std::move(value)};
}
ConfigChange removed(std::string_view name) {
    return {std::string{name}, ConfigChange::How::remove, {}};
}

runtime::Task<Result<void>> sleep(runtime::Loop& loop, std::chrono::milliseconds time) {
    co_await loop.sleep_for(time);
    co_return {};
}

}  // namespace

void nap(Session& session, std::chrono::milliseconds time) {
    (void)session.wait(sleep(session.cluster().loop(), time));
}

Result<std::vector<BrokerPlace>> broker_places(Session& session) {
    TRY(const auto cluster, session.wait(session.admin().describe_cluster()));
    std::vector<BrokerPlace> out;
    for (const auto& broker : cluster.brokers) out.push_back({broker.id, broker.rack});
    return out;
}

Result<Plan> current_placement(Session& session, const std::vector<std::string>& topics,
                               const std::set<TopicPartition>* only) {
    TRY(const auto described, session.wait(session.admin().describe_topics(topics)));
    Plan out;
    for (const client::TopicDescription& topic : described) {
        if (topic.error.code != ErrorCode::none)
            return fail(topic.error.code, fmt::format("Topic {} not found.", topic.name));
        for (const client::PartitionDescription& p : topic.partitions)
            if (!only || only->contains({topic.name, p.index}))
                out.push_back({{topic.name, p.index}, p.replicas, {}});
    }
    if (only)
        for (const TopicPartition& tp : *only)
            if (std::ranges::find(out, tp, &Placement::partition) == out.end())
                return fail(ErrorCode::unknown_topic_or_partition,
                            fmt::format("Unable to find partition: {}-{}", tp.topic, tp.partition));
    std::vector<client::Replica> replicas;
    for (const Placement& place : out)
        for (const NodeId id : place.replicas) replicas.push_back({place.partition, id});
    TRY(const auto states, directory_states(session, replicas));
    for (Placement& place : out)
        for (const NodeId id : place.replicas) {
            const auto state = states.find({place.partition, id});
            place.directories.push_back(state == states.end() ? std::string{}
                                                              : state->second.now.value_or(""));
        }
    return out;
}

Result<std::map<client::Replica, DirectoryState>> directory_states(
    Session& session, const std::vector<client::Replica>& replicas) {
    std::map<NodeId, std::vector<TopicPartition>> by_broker;
    for (const client::Replica& replica : replicas)
        by_broker[replica.broker].push_back(replica.partition);
    std::map<client::Replica, DirectoryState> out;
    for (const client::Replica& replica : replicas) out[replica] = {};
    for (const auto& [broker, partitions] : by_broker) {
        const auto said =
            session.wait(session.admin().describe_log_dirs({broker}, std::optional{partitions}));
        // A broker that is away has no directory to tell of.
        if (!said && said.code() == ErrorCode::broker_not_available) continue;
        if (!said) return said.error();
        for (const client::BrokerDirectories& one : *said)
            for (const client::DirectoryDescription& directory : one.directories)
                for (const client::ReplicaInDirectory& replica : directory.replicas) {
                    const auto at = out.find({replica.partition, broker});
                    if (at == out.end()) continue;
                    (replica.future ? at->second.future : at->second.now) = directory.path;
                }
    }
    return out;
}

Result<void> throttle_moves(Session& session, const std::map<TopicPartition, Move>& moves,
                            int64_t bytes_per_second) {
    std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> topics;
    std::set<NodeId> brokers;
    for (const auto& [tp, move] : moves) {
        auto& [leaders, followers] = topics[tp.topic];
        for (const NodeId id : move.sources) leaders.insert(fmt::format("{}:{}", tp.partition, id));
        for (const NodeId id : move.destinations)
            followers.insert(fmt::format("{}:{}", tp.partition, id));
        brokers.insert(move.sources.begin(), move.sources.end());
        brokers.insert(move.destinations.begin(), move.destinations.end());
    }
    for (const auto& [topic, replicas] : topics)
        TRY_OK(change(session, ResourceType::topic, topic,
                      {set(kLeaderReplicas, fmt::to_string(fmt::join(replicas.first, ","))),
                       set(kFollowerReplicas, fmt::to_string(fmt::join(replicas.second, ",")))}));
    const std::string rate = fmt::to_string(bytes_per_second);
    for (const NodeId id : brokers)
        TRY_OK(change(session, ResourceType::broker, fmt::to_string(id),
                      {set(kLeaderRate, rate), set(kFollowerRate, rate)}));
    return {};
}

Result<void> throttle_directories(Session& session, const std::set<NodeId>& brokers,
                                  int64_t bytes_per_second) {
    for (const NodeId id : brokers)
        TRY_OK(change(session, ResourceType::broker, fmt::to_string(id),
                      {set(kDirectoryRate, fmt::to_string(bytes_per_second))}));
    return {};
}

Result<void> clear_broker_throttles(Session& session, const std::vector<NodeId>& brokers) {
    for (const NodeId id : brokers)
        TRY_OK(change(session, ResourceType::broker, fmt::to_string(id),
                      {removed(kLeaderRate), removed(kFollowerRate), removed(kDirectoryRate)}));
    return {};
}

Result<void> clear_topic_throttles(Session& session, const std::vector<std::string>& topics) {
    for (const std::string& topic : topics)
        TRY_OK(change(session, ResourceType::topic, topic,
                      {removed(kLeaderReplicas), removed(kFollowerReplicas)}));
    return {};
}

}  // namespace millrace::cli
