// How a topology lies over the cluster's topics: how many tasks each sub-topology has, and which
// topics the application must make for itself, with how many partitions and which settings.
//
// Pure: the same plan and the same topics give the same layout on every instance. Kafka:
// RepartitionTopics, ChangelogTopics, CopartitionedTopicsEnforcer.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "streams/config.h"
#include "streams/core/topology_plan.h"

namespace millrace::streams {

// A topic of the application's own, named as in the cluster.
struct InternalTopic {
    std::string name;
    int32_t partitions = 0;
    std::map<std::string, std::string> config;
    bool changelog = false;
};

struct SubtopologyLayout {
    Subtopology subtopology;
    int32_t tasks = 0;             // one for each partition number
    std::set<std::string> topics;  // that its sources read, named as in the cluster
};

struct Layout {
    std::vector<SubtopologyLayout> subtopologies;  // without the global ones
    std::vector<InternalTopic> internal_topics;
    std::set<std::string> global_topics;
    // Of all topics of the cluster and those of the application, by their names.
    std::map<std::string, int32_t> partitions;

    // All topics that tasks read.
    std::set<std::string> source_topics() const;
    // Those that tasks write to be read by other tasks.
    std::set<std::string> repartition_topics() const;
};

// Partitions of a topic of the cluster; nothing where there is none of the name.
using PartitionCount = std::function<std::optional<int32_t>(const std::string& topic)>;
// `matching`: the cluster's topics of a pattern. Errors: MissingSourceTopicException names the
// topics; TopologyException for topics that must have equally many partitions and have not.
Layout lay_out(const TopologyPlan& plan, const StreamsConfig& config, const PartitionCount& count,
               const std::function<std::vector<std::string>(const std::string& pattern)>& matching);

}  // namespace millrace::streams
