// The cluster's metadata at one offset of the metadata log, as one immutable value.
//
// Owner: everybody: images are handed around as shared_ptr<const Image> and read on any thread
// without a lock. A new image is made by a Builder (builder.h) out of the one before and the
// records since; both share all that did not change. Everything that a metadata record can say is
// in here, so that a snapshot written from an image loses nothing. Lookups return null when there
// is no such thing; what they point to lives as long as the image.
// Kafka: MetadataImage, TopicsImage, ClusterImage, ConfigurationsImage, ...
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "config/validate.h"
#include "metadata/cow.h"
#include "metadata/persistent_index.h"
#include "metadata/small_list.h"

namespace millrace::metadata {

// Directory ids that name no directory (Kafka: DirectoryId).
constexpr Uuid kDirectoryMigrating{0, 0};
constexpr Uuid kDirectoryUnassigned{0, 1};
constexpr Uuid kDirectoryLost{0, 2};

using NodeList = SmallList<NodeId, 3>;

struct Partition {
    NodeList replicas;
    NodeList isr;
    NodeList removing_replicas;
    NodeList adding_replicas;
    NodeList eligible_leader_replicas;  // KIP-966
    NodeList last_known_elr;
    SmallList<Uuid, 1>
        directories;     // of each replica, in the order of `replicas`; may be empty (none known)
    NodeId leader = -1;  // -1: none
    LeaderEpoch leader_epoch = -1;  // -1: there is no such partition
    int32_t partition_epoch = -1;
    int8_t leader_recovery_state = 0;  // 0 recovered, 1 recovering after an unclean election

    bool exists() const { return leader_epoch >= 0; }
    // kDirectoryMigrating when it is not known or the broker has no replica.
    Uuid directory_of(NodeId broker) const;
    friend bool operator==(const Partition&, const Partition&) = default;
};

struct Topic {
    Uuid id;
    std::string name;
    std::vector<Partition> partitions;  // by index

    const Partition* partition(PartitionIndex index) const;
};
using TopicPtr = std::shared_ptr<const Topic>;

// __consumer_offsets, __transaction_state, __share_group_state.
bool is_internal_topic(std::string_view name);

struct Endpoint {
    std::string listener;
    std::string host;
    uint16_t port = 0;
    int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct VersionRange {
    int16_t min = 0;
    int16_t max = 0;
    friend bool operator==(const VersionRange&, const VersionRange&) = default;
};
using SupportedFeatures = std::map<std::string, VersionRange, std::less<>>;

struct BrokerRegistration {
    NodeId id = -1;
    int64_t epoch = -1;  // offset of the record that registered it
    Uuid incarnation_id;
    bool is_migrating_zk = false;
    std::vector<Endpoint> endpoints;
    SupportedFeatures features;
    std::optional<std::string> rack;
    bool fenced = true;
    bool in_controlled_shutdown = false;
    std::vector<Uuid> log_dirs;
    std::optional<std::vector<Uuid>> cordoned_log_dirs;

    const Endpoint* endpoint(std::string_view listener) const;
};

struct ControllerRegistration {
    NodeId id = -1;
    Uuid incarnation_id;
    bool zk_migration_ready = false;
    std::vector<Endpoint> endpoints;
    SupportedFeatures features;
};

// ConfigResource's numbers.
enum class ResourceType : int8_t {
    unknown = 0,
    topic = 2,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16,
    group = 32,
};

struct ConfigResource {
    ResourceType type = ResourceType::unknown;
    std::string name;  // of brokers: the id as text; "" = all of them
    friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

struct ResourceConfig {
    ConfigResource resource;
    config::Overrides values;  // never empty
};

struct Acl {
    Uuid id;
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = 0;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
};

struct ScramCredential {
    std::vector<uint8_t> salt;
    std::vector<uint8_t> stored_key;
    std::vector<uint8_t> server_key;
    int32_t iterations = 0;
};
using ScramKey = std::pair<std::string, int8_t>;  // user, mechanism (1 SHA-256, 2 SHA-512)

struct DelegationToken {
    std::string owner;
    std::string requester;
    std::vector<std::string> renewers;
    TimestampMs issue_timestamp = 0;
    TimestampMs max_timestamp = 0;
    TimestampMs expiration_timestamp = 0;
};

// Entity type ("user", "client-id", "ip") to name; no name = the default entity.
using QuotaEntity = std::map<std::string, std::optional<std::string>>;
using QuotaValues = std::map<std::string, double>;

// Where in the metadata log an image stands: it holds everything up to and with `offset`.
struct Position {
    Offset offset = -1;
    LeaderEpoch epoch = 0;
    TimestampMs timestamp = 0;  // of the batch that holds it
};

namespace detail {
struct StringHash {
    uint64_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
struct UuidHash {
    uint64_t operator()(const Uuid& id) const { return std::hash<Uuid>{}(id); }
};
struct ResourceHash {
    uint64_t operator()(const ConfigResource& r) const {
        return std::hash<std::string_view>{}(r.name) + static_cast<uint64_t>(r.type);
    }
};
struct NameOfTopic {
    const std::string& operator()(const Topic& t) const { return t.name; }
};
struct IdOf {
    template <typename T>
    const Uuid& operator()(const T& t) const {
        return t.id;
    }
};
struct ResourceOf {
    const ConfigResource& operator()(const ResourceConfig& c) const { return c.resource; }
};
}  // namespace detail

// The topics whose names differ in '.' and '_' only: they would share metric names, so only one may
// exist.
struct NameGroup {
    std::string unified;  // with '_' for '.'
    std::vector<std::string> names;
};
// The name with '_' for '.'; nothing when it has neither.
std::optional<std::string> unified_topic_name(std::string_view name);

namespace detail {
struct UnifiedOf {
    const std::string& operator()(const NameGroup& g) const { return g.unified; }
};
}  // namespace detail

struct Image {
    Position position;

    PersistentIndex<Topic, detail::NameOfTopic, detail::StringHash> topics_by_name;
    PersistentIndex<Topic, detail::IdOf, detail::UuidHash> topics_by_id;
    PersistentIndex<NameGroup, detail::UnifiedOf, detail::StringHash> name_groups;
    PersistentIndex<ResourceConfig, detail::ResourceOf, detail::ResourceHash> configs;
    PersistentIndex<Acl, detail::IdOf, detail::UuidHash> acls;
    Cow<std::map<NodeId, BrokerRegistration>> brokers;
    Cow<std::map<NodeId, ControllerRegistration>> controllers;
    // Finalized levels; a feature at level 0 is not in it. kraft.version is raft's and not in it.
    Cow<std::map<std::string, int16_t, std::less<>>> features;
    Cow<std::map<ScramKey, ScramCredential>> scram;
    Cow<std::map<std::string, DelegationToken>> delegation_tokens;
    Cow<std::map<QuotaEntity, QuotaValues>> quotas;
    ProducerId next_producer_id = -1;  // first of the next block; -1: none was handed out yet

    TopicPtr topic(std::string_view name) const;
    TopicPtr topic(const Uuid& id) const;
    const Partition* partition(std::string_view topic_name, PartitionIndex index) const;
    const Partition* partition(const Uuid& topic_id, PartitionIndex index) const;
    // An existing topic other than `name` that differs from it in '.' and '_' only.
    std::optional<std::string> colliding_topic(std::string_view name) const;
    const BrokerRegistration* broker(NodeId id) const;
    // What is set for the resource itself; empty when nothing is.
    const config::Overrides& overrides(ResourceType type, std::string_view name) const;
    // 0 when it is not finalized.
    int16_t feature_level(std::string_view feature) const;
    // min.insync.replicas and the eligible leader replicas of KIP-966 are kept.
    bool elr_enabled() const { return feature_level("eligible.leader.replicas.version") >= 1; }
};
using ImagePtr = std::shared_ptr<const Image>;

}  // namespace millrace::metadata
