#include <simdjson.h>

#include "base/check.h"

#include "cli/cluster/reassign.h"
#include "cli/output/table.h"

namespace millrace::cli {
namespace {

namespace dom = simdjson::dom;

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

// The root of a document of version 1.
Result<dom::element> parse_root(dom::parser& parser, std::string_view json) {
    dom::element root;
    if (parser.parse(simdjson::padded_string{json}).get(root) != simdjson::SUCCESS)
        return refused("The input string is not a valid JSON");
    int64_t version = 1;
    if (root["version"].get(version) == simdjson::SUCCESS && version != 1)
        return refused(fmt::format("Not supported version field value {}", version));
    return root;
}

Result<std::vector<std::string>> read_directories(dom::element element, const Placement& place) {
    std::vector<std::string> out;
    dom::array directories;
    if (element["log_dirs"].get(directories) != simdjson::SUCCESS)
        return std::vector<std::string>(place.replicas.size());
    for (const dom::element one : directories) {
        std::string_view path;
        if (one.get(path) != simdjson::SUCCESS) return refused("log_dirs must be strings");
        out.emplace_back(path);
    }
    if (out.size() != place.replicas.size())
        return refused(
            fmt::format("Size of replicas list [{}] is different from size of log dirs "
                        "list [{}] for partition {}-{}",
                        fmt::join(place.replicas, ", "), fmt::join(out, ", "),
                        place.partition.topic, place.partition.partition));
    for (std::string& path : out)
        if (path == "any") path.clear();
    return out;
}

}  // namespace

Result<Plan> parse_plan(std::string_view json) {
    dom::parser parser;
    TRY(const dom::element root, parse_root(parser, json));
    Plan out;
    dom::array partitions;
    if (root["partitions"].get(partitions) != simdjson::SUCCESS) return out;
    for (const dom::element element : partitions) {
        Placement& place = out.emplace_back();
        std::string_view topic;
        int64_t index = 0;
        dom::array replicas;
        if (element["topic"].get(topic) != simdjson::SUCCESS ||
            element["partition"].get(index) != simdjson::SUCCESS || index < 0 ||
            index > INT32_MAX || element["replicas"].get(replicas) != simdjson::SUCCESS)
            return refused("each partition needs a topic, a number and replicas");
        place.partition = {std::string{topic}, static_cast<PartitionIndex>(index)};
        for (const dom::element replica : replicas) {
            int64_t id = 0;
            if (replica.get(id) != simdjson::SUCCESS || id < 0 || id > INT32_MAX)
                return refused("replicas must be ids of brokers");
            place.replicas.push_back(static_cast<NodeId>(id));
        }
        TRY(place.directories, read_directories(element, place));
    }
    return out;
}

Result<std::vector<std::string>> parse_topics_to_move(std::string_view json) {
    dom::parser parser;
    TRY(const dom::element root, parse_root(parser, json));
    std::vector<std::string> out;
    dom::array topics;
    if (root["topics"].get(topics) != simdjson::SUCCESS) return out;
    for (const dom::element element : topics) {
        std::string_view topic;
        if (element["topic"].get(topic) != simdjson::SUCCESS)
            return refused("each topic needs a name");
        out.emplace_back(topic);
    }
    return out;
}

std::string plan_json(const Plan& plan) {
    Value::List partitions;
    for (const Placement& place : plan) {
        Value::List directories;
        for (size_t i = 0; i != place.replicas.size(); ++i)
            directories.push_back(i < place.directories.size() && !place.directories[i].empty()
                                      ? Value{place.directories[i]}
                                      : Value{"any"});
        partitions.push_back(
            Value::Fields{{"topic", place.partition.topic},
                          {"partition", place.partition.partition},
                          {"replicas", Value::List(place.replicas.begin(), place.replicas.end())},
                          {"log_dirs", std::move(directories)}});
    }
    std::string out;
    Value{Value::Fields{{"version", 1}, {"partitions", std::move(partitions)}}}.write_json(out);
    return out;
}

Result<void> check_plan(const Plan& plan) {
    if (plan.empty()) return refused("Partition reassignment list cannot be empty");
    std::set<TopicPartition> seen;
    std::vector<std::string> twice;
    for (const Placement& place : plan) {
        const auto& [topic, index] = place.partition;
        if (place.replicas.empty()) return refused("Partition replica list cannot be empty");
        if (!seen.insert(place.partition).second)
            twice.push_back(fmt::format("{}-{}", topic, index));
    }
    if (!twice.empty())
        return refused(fmt::format("Partition reassignment contains duplicate topic partitions: {}",
                                   fmt::join(twice, ",")));
    for (const Placement& place : plan) {
        std::set<NodeId> ids;
        std::set<NodeId> doubled;
        for (const NodeId id : place.replicas)
            if (!ids.insert(id).second) doubled.insert(id);
        if (!doubled.empty())
            return refused(fmt::format(
                "Partition replica lists may not contain duplicate entries: {}-{} contains "
                "multiple entries for {}",
                place.partition.topic, place.partition.partition, fmt::join(doubled, ", ")));
    }
    return {};
}

std::vector<std::vector<NodeId>> spread_replicas(std::vector<BrokerPlace> brokers,
                                                 size_t partitions, size_t replication,
                                                 size_t start) {
    INVARIANT(replication <= brokers.size());
    // One broker of each rack after the other, so that neighbours are in different racks.
    std::map<std::string, std::vector<NodeId>> racks;
    std::map<NodeId, std::string> rack_of;
    std::ranges::sort(brokers, {}, &BrokerPlace::id);
    for (const BrokerPlace& broker : brokers) {
        rack_of[broker.id] = broker.rack.value_or("");
        racks[rack_of[broker.id]].push_back(broker.id);
    }
    std::vector<NodeId> order;
    for (size_t turn = 0; order.size() != brokers.size(); ++turn)
        for (const auto& [rack, ids] : racks)
            if (turn < ids.size()) order.push_back(ids[turn]);
    std::vector<std::vector<NodeId>> out;
    for (size_t p = 0; p != partitions; ++p) {
        const size_t first = (start + p) % order.size();
        // After each round the followers stand elsewhere, so that not the same two always meet.
        const size_t shift = (p / order.size()) % std::max<size_t>(order.size() - 1, 1);
        std::vector<NodeId> line{order[first]};
        for (size_t i = 0; i + 1 < order.size(); ++i)
            line.push_back(order[(first + 1 + (shift + i) % (order.size() - 1)) % order.size()]);
        std::vector<NodeId>& replicas = out.emplace_back();
        std::set<std::string> used;
        for (const bool new_racks_only : {true, false})
            for (const NodeId id : line) {
                if (replicas.size() == replication) break;
                if (std::ranges::find(replicas, id) != replicas.end()) continue;
                if (!used.insert(rack_of[id]).second && new_racks_only) continue;
                replicas.push_back(id);
            }
    }
    return out;
}

std::map<TopicPartition, Move> moves_of(const Reassignments& active, const Plan& plan,
                                        const Plan& current) {
    std::map<TopicPartition, Move> out;
    for (const auto& [tp, reassignment] : active) {
        Move& move = out[tp];
        move.sources = {reassignment.replicas.begin(), reassignment.replicas.end()};
        for (const NodeId id : reassignment.adding) move.sources.erase(id);
        move.destinations = {reassignment.adding.begin(), reassignment.adding.end()};
    }
    for (const Placement& place : plan) {
        Move& move = out[place.partition];
        const auto now = std::ranges::find(current, place.partition, &Placement::partition);
        if (!active.contains(place.partition) && now != current.end())
            move.sources.insert(now->replicas.begin(), now->replicas.end());
        move.destinations = {place.replicas.begin(), place.replicas.end()};
        for (const NodeId id : move.sources) move.destinations.erase(id);
    }
    return out;
}

std::map<client::Replica, std::string> wanted_directories(const Plan& plan) {
    std::map<client::Replica, std::string> out;
    for (const Placement& place : plan)
        for (size_t i = 0; i != place.directories.size(); ++i)
            if (!place.directories[i].empty())
                out[{place.partition, place.replicas[i]}] = place.directories[i];
    return out;
}

}  // namespace millrace::cli
