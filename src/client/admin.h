// What an administrator asks of a cluster: each operation as one call, however many requests and
// brokers it takes. Names are owned: nothing borrows from an answer.
//
//   Admin admin{cluster};
//   CO_TRY(auto topics, co_await admin.list_topics());
//
// Every call ends within default.api.timeout.ms, with deadline_exceeded when the cluster could not
// be asked. What the cluster says of one topic, group ... is the `error` beside it (none: well);
// the call's own error means that nobody knows.
// Owner: whoever made the Cluster, which must live longer. Loop: the Cluster's.
// Kafka: Admin.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "client/cluster.h"

namespace millrace::client {

struct TopicListing {
    std::string name;
    Uuid id;
    bool internal = false;
};

struct PartitionDescription {
    PartitionIndex index = 0;
    NodeId leader = -1;
    LeaderEpoch leader_epoch = -1;
    std::vector<NodeId> replicas;
    std::vector<NodeId> in_sync;
    std::vector<NodeId> offline;
    // Nothing: the broker does not tell.
    std::optional<std::vector<NodeId>> eligible_leaders;
    std::optional<std::vector<NodeId>> last_known_eligible;
};

struct TopicDescription {
    std::string name;
    Uuid id;
    bool internal = false;
    Error error{ErrorCode::none, {}};
    std::vector<PartitionDescription> partitions;  // in order of the index
};

struct NewTopic {
    std::string name;
    int32_t partitions = -1;                      // -1: the broker's default
    int16_t replication = -1;                     // likewise
    std::vector<std::vector<NodeId>> assignment;  // instead of both: the replicas of each partition
    std::vector<std::pair<std::string, std::string>> configs;
};

struct NewPartitions {
    std::string topic;
    int32_t count = 0;                            // in all
    std::vector<std::vector<NodeId>> assignment;  // of the new ones; empty: the broker's choice
};

// What became of one thing.
struct Outcome {
    std::string name;
    Error error{ErrorCode::none, {}};
};

// The numbers are the protocol's.
enum class ResourceType : int8_t {
    topic = 2,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16,
    group = 32,
};

struct Resource {
    ResourceType type;
    std::string name;
    friend auto operator<=>(const Resource&, const Resource&) = default;
};

struct ConfigSynonym {
    std::string name;
    std::optional<std::string> value;
    int8_t source = 0;
};

struct ConfigEntry {
    std::string name;
    std::optional<std::string> value;  // nothing: null, or sensitive
    int8_t source = 0;                 // DescribeConfigs' numbers: 1 topic, 2 broker ... 5 default
    bool read_only = false;
    bool sensitive = false;
    std::vector<ConfigSynonym> synonyms;
};

struct ResourceConfigs {
    Resource resource;
    Error error{ErrorCode::none, {}};
    std::vector<ConfigEntry> entries;  // in the broker's order
};

struct ConfigChange {
    enum class How : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
    std::string name;
    How how = How::set;
    std::string value;
};

struct BrokerDescription {
    NodeId id = -1;
    Address address;
    std::optional<std::string> rack;
    bool fenced = false;
};

struct ClusterDescription {
    std::string id;
    NodeId controller = -1;
    std::vector<BrokerDescription> brokers;  // in order of the id
};

class Admin {
public:
    explicit Admin(Cluster& cluster) : cluster_(cluster) {}
    Cluster& cluster() const { return cluster_; }

    // Topics (admin_topics.cc)
    runtime::Task<Result<std::vector<TopicListing>>> list_topics();
    // In the order of `names`; those that do not exist say so in `error`.
    runtime::Task<Result<std::vector<TopicDescription>>> describe_topics(
        std::vector<std::string> names);
    runtime::Task<Result<std::vector<Outcome>>> create_topics(std::vector<NewTopic> topics,
                                                              bool validate_only = false);
    runtime::Task<Result<std::vector<Outcome>>> create_partitions(std::vector<NewPartitions> topics,
                                                                  bool validate_only = false);
    runtime::Task<Result<std::vector<Outcome>>> delete_topics(std::vector<std::string> names);

    // Configurations (admin_configs.cc). Those of a broker come from that broker.
    runtime::Task<Result<std::vector<ResourceConfigs>>> describe_configs(
        std::vector<Resource> resources, bool synonyms = false);
    runtime::Task<Result<Outcome>> alter_configs(Resource resource,
                                                 std::vector<ConfigChange> changes,
                                                 bool validate_only = false);

    // The cluster (admin_cluster.cc)
    runtime::Task<Result<ClusterDescription>> describe_cluster(bool fenced_too = false);

private:
    runtime::TimePoint deadline() const {
        return cluster_.after(cluster_.config().default_api_timeout);
    }
    runtime::Task<Result<std::vector<TopicDescription>>> describe_by_metadata(
        std::vector<std::string> names, runtime::TimePoint deadline);

    Cluster& cluster_;
};

// An error number of an answer, with what the broker said about it.
inline Error said_error(int16_t code, const std::optional<protocol::Str>& message = {}) {
    return {static_cast<ErrorCode>(code), message ? message->str() : std::string{}};
}

}  // namespace millrace::client
