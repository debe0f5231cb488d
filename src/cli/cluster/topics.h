// What the commands about topics do, for `millrace topics` and kafka-topics alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

// The topics whose names fit `filter` (nothing: all), in order of the name.
Result<std::vector<client::TopicListing>> find_topics(Session& session,
                                                      const std::optional<std::string>& filter,
                                                      bool without_internal);

struct Reassignment {
    std::vector<NodeId> adding;
    std::vector<NodeId> removing;
};

// Whether somebody has set it: for this topic, or for the broker.
bool is_set(const client::ConfigEntry& entry);

struct TopicView {
    client::TopicDescription description;
    std::vector<client::ConfigEntry> configs;
    bool has_set_configs() const;
    int32_t min_in_sync = 1;
    std::map<PartitionIndex, Reassignment> moving;
    size_t replication() const;
};
// All that is to be said of these topics. The cluster's error about any of them is the result's.
Result<std::vector<TopicView>> view_topics(Session& session, std::vector<std::string> names,
                                           bool with_configs = true);

// "1:2,2:3": the replicas of each partition. invalid_request: not numbers, a broker twice in one
// partition, partitions with different numbers of replicas.
Result<std::vector<std::vector<NodeId>>> parse_assignment(std::string_view text);

// Names with both a period and an underscore, or one of them, may collide in names of metrics.
bool has_collision_characters(std::string_view topic);

// The first error in `outcomes`; nothing when all is well.
std::optional<Error> first_error(const std::vector<client::Outcome>& outcomes);

}  // namespace millrace::cli
