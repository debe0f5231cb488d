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
#include "client/offset_times.h"

namespace millrace::client {

// An error number of an answer, with what the broker said about it.
inline Error said_error(int16_t code, const std::optional<protocol::Str>& message = {}) {
    return {static_cast<ErrorCode>(code), message ? message->str() : std::string{}};
}

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

// Of users, clients and addresses; a name that is nothing is the default of its kind.
struct QuotaEntity {
    std::vector<std::pair<std::string, std::optional<std::string>>>
        parts;  // "user", "client-id", "ip"
};
struct QuotaFilter {
    enum class Match : int8_t { exact = 0, unnamed = 1, any = 2 };
    struct Part {
        std::string type;
        Match match = Match::any;
        std::string name;
    };
    std::vector<Part> parts;
    bool strict = true;  // entities of other types, too, do not fit
};
struct Quotas {
    QuotaEntity entity;
    std::vector<std::pair<std::string, double>> values;
};
struct QuotaChange {
    std::string key;
    std::optional<double> value;  // nothing: removed
};

struct GroupListing {
    std::string id;
    std::string protocol_type;  // "consumer", "share" ...; "" of a group without members
    std::string state;          // "Stable", "Empty" ...; "" from an old broker
    std::string type;           // "Classic", "Consumer", "Share" ...; "" from an old broker
};

// One partition's committed offset; -1: none.
struct GroupOffset {
    Offset offset = -1;
    LeaderEpoch leader_epoch = -1;
    std::string metadata;
    Error error{ErrorCode::none, {}};
};
using GroupOffsets = std::map<TopicPartition, GroupOffset>;

struct MemberDescription {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string host;
    std::vector<TopicPartition> assigned;
    std::vector<TopicPartition> target;  // consumer protocol: where it is to get to
    int32_t epoch = -1;                  // consumer protocol
    int32_t target_epoch = -1;
    std::string rack;
    bool classic = false;  // in a group of the consumer protocol
};

struct GroupDescription {
    std::string id;
    Error error{ErrorCode::none, {}};
    std::string type;   // "Classic", "Consumer"
    std::string state;  // "Stable", "Empty", "Dead" ...
    std::string protocol_type;
    std::string assignor;
    int32_t epoch = -1;  // consumer protocol
    int32_t target_epoch = -1;
    NodeId coordinator = -1;
    Address coordinator_address;
    std::vector<MemberDescription> members;
};

// An offset asked for, and what was found; offset -1: nothing there.
struct FoundOffset {
    Offset offset = -1;
    TimestampMs timestamp = -1;
    LeaderEpoch leader_epoch = -1;
    Error error{ErrorCode::none, {}};
};

struct DeletedRecords {
    Offset low_watermark = -1;
    Error error{ErrorCode::none, {}};
};

struct ReplicaInDirectory {
    TopicPartition partition;
    int64_t size = 0;
    int64_t offset_lag = 0;
    bool future = false;
};
struct DirectoryDescription {
    std::string path;
    Error error{ErrorCode::none, {}};
    int64_t total_bytes = -1;  // of the volume; -1: not said
    int64_t usable_bytes = -1;
    std::vector<ReplicaInDirectory> replicas;
};
struct BrokerDirectories {
    NodeId broker = -1;
    std::vector<DirectoryDescription> directories;
};

struct TransactionListing {
    std::string id;
    NodeId coordinator = -1;
    ProducerId producer = -1;
    std::string state;
};
struct TransactionDescription {
    std::string id;
    Error error{ErrorCode::none, {}};
    NodeId coordinator = -1;
    std::string state;
    int32_t timeout_ms = 0;
    TimestampMs started = -1;  // -1: none is open
    ProducerId producer = -1;
    ProducerEpoch epoch = -1;
    std::vector<TopicPartition> partitions;
};
struct ActiveProducer {
    ProducerId producer = -1;
    int32_t epoch = -1;
    int32_t coordinator_epoch = -1;
    int32_t last_sequence = -1;
    TimestampMs last_timestamp = -1;
    Offset transaction_start = -1;  // -1: no transaction is open
};

enum class ElectionType : int8_t { preferred = 0, unclean = 1 };

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

    // The names of all resources of a type that have configurations.
    runtime::Task<Result<std::vector<std::string>>> list_config_resources(ResourceType type);

    // Quotas (admin_quotas.cc)
    runtime::Task<Result<std::vector<Quotas>>> describe_quotas(QuotaFilter filter);
    runtime::Task<Result<void>> alter_quotas(QuotaEntity entity, std::vector<QuotaChange> changes,
                                             bool validate_only = false);

    // Groups (admin_groups.cc)
    // `states` and `types` choose; empty: all. A broker that cannot be asked fails the call.
    runtime::Task<Result<std::vector<GroupListing>>> list_groups(
        std::vector<std::string> states = {}, std::vector<std::string> types = {});
    // In the order of `ids`. A group that does not exist is Dead, or has an error, as the brokers
    // say.
    runtime::Task<Result<std::vector<GroupDescription>>> describe_groups(
        std::vector<std::string> ids);
    runtime::Task<Result<GroupOffsets>> committed_offsets(std::string group);
    runtime::Task<Result<std::vector<Outcome>>> delete_groups(std::vector<std::string> ids);
    // What became of each partition.
    runtime::Task<Result<std::map<TopicPartition, Error>>> commit_offsets(
        std::string group, std::map<TopicPartition, Offset> offsets);
    runtime::Task<Result<std::map<TopicPartition, Error>>> delete_offsets(
        std::string group, std::vector<TopicPartition> partitions);

    // Offsets and records (admin_offsets.cc)
    // For each partition the offset of a time, or one of the special times.
    runtime::Task<Result<std::map<TopicPartition, FoundOffset>>> list_offsets(
        std::map<TopicPartition, TimestampMs> times, bool committed_only = false);
    // Below each offset; -1: all that there are.
    runtime::Task<Result<std::map<TopicPartition, DeletedRecords>>> delete_records(
        std::map<TopicPartition, Offset> before);
    // Of these brokers; empty: of all.
    runtime::Task<Result<std::vector<BrokerDirectories>>> describe_log_dirs(
        std::vector<NodeId> brokers, std::optional<std::vector<TopicPartition>> only = {});

    // Transactions (admin_transactions.cc)
    runtime::Task<Result<std::vector<TransactionListing>>> list_transactions(
        int64_t running_ms_min = -1, std::string id_pattern = {});
    runtime::Task<Result<TransactionDescription>> describe_transaction(std::string id);
    // Who writes to a partition, as its leader knows it.
    runtime::Task<Result<std::vector<ActiveProducer>>> describe_producers(TopicPartition partition);

    // What became of each partition; nothing: of all partitions whose leader was to change.
    runtime::Task<Result<std::map<TopicPartition, Error>>> elect_leaders(
        ElectionType type, std::optional<std::vector<TopicPartition>> partitions);

    // The cluster (admin_cluster.cc)
    runtime::Task<Result<ClusterDescription>> describe_cluster(bool fenced_too = false);

private:
    runtime::TimePoint deadline() const {
        return cluster_.after(cluster_.config().default_api_timeout);
    }
    // Calls the coordinator of a group or transactional id, again while it moves or loads. `code_of(body)` gives the
    // error number of the whole answer.
    template <typename Request, typename CodeOf>
    runtime::Task<Result<Reply<typename Request::Response>>> call_coordinator(
        CoordinatorType type, const std::string& group, const Request& request, CodeOf code_of,
        int16_t at_most) {
        const auto until = deadline();
        CO_TRY_OK(co_await know_brokers(until));
        for (int failures = 0;; ++failures) {
            CO_TRY(const NodeId node, co_await cluster_.coordinator(type, group, until));
            auto reply = co_await cluster_.call(node, request, until, at_most);
            Error last{ErrorCode::none, {}};
            if (!reply)
                last = reply.error();
            else
                last = said_error(code_of(reply->body));
            const bool again =
                reply ? moved_or_loading(last.code) : Cluster::network_error(last.code);
            if (!again) co_return std::move(reply);
            cluster_.forget_coordinator(type, group);
            CO_TRY_OK(co_await cluster_.pause(failures, until, last));
        }
    }
    static bool moved_or_loading(ErrorCode code) {
        return code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available ||
               code == ErrorCode::coordinator_load_in_progress;
    }
    // Until the metadata names brokers.
    runtime::Task<Result<void>> know_brokers(runtime::TimePoint until);
    runtime::Task<Result<GroupDescription>> describe_consumer_group(std::string id);
    runtime::Task<Result<GroupDescription>> describe_classic_group(std::string id);
    // Who leads each of these partitions now, or why nobody does.
    struct Leaders {
        std::map<NodeId, std::vector<TopicPartition>> by_node;
        std::map<TopicPartition, Error> refused;
    };
    runtime::Task<Result<Leaders>> leaders_of(std::vector<TopicPartition> partitions,
                                              runtime::TimePoint until);
    runtime::Task<Result<std::vector<TopicDescription>>> describe_by_metadata(
        std::vector<std::string> names, runtime::TimePoint deadline);

    Cluster& cluster_;
};

}  // namespace millrace::client
