// What a client knows of its cluster: the brokers, and for the topics that it uses their partitions
// and leaders. Kafka: MetadataSnapshot.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error_code.h"
#include "base/units.h"
#include "base/uuid.h"
#include "client/address.h"
#include "protocol/messages/metadata.h"

namespace millrace::client {

struct BrokerInfo {
    Address address;
    std::string rack;  // empty: none
};

struct PartitionInfo {
    NodeId leader = -1;  // -1: there is none now
    LeaderEpoch leader_epoch = -1;
    std::vector<NodeId> replicas;
    std::vector<NodeId> in_sync;
    std::vector<NodeId> offline;
};

struct TopicInfo {
    std::string name;
    Uuid id;  // zero from a broker that knows no topic ids
    bool internal = false;
    std::vector<PartitionInfo> partitions;  // by index
    NodeId leader(PartitionIndex partition) const {
        const auto at = static_cast<size_t>(partition);
        return partition >= 0 && at < partitions.size() ? partitions[at].leader : -1;
    }
};
using TopicPtr = std::shared_ptr<const TopicInfo>;

class Metadata {
public:
    const std::string& cluster_id() const { return cluster_id_; }
    NodeId controller() const { return controller_; }
    const std::map<NodeId, BrokerInfo>& brokers() const { return brokers_; }
    // nullptr: not known, which is not to say that it does not exist (error()).
    TopicPtr topic(std::string_view name) const;
    TopicPtr topic(const Uuid& id) const;
    // In order of the name.
    const std::map<std::string, TopicPtr, std::less<>>& topics() const { return topics_; }
    // What the broker last said against a topic; none when it knows it or was not asked.
    ErrorCode error(std::string_view topic) const;

    // Takes over an answer. `whole` says that it names all topics of the cluster that there are;
    // otherwise topics that it does not name stay. A partition's leader is not replaced by one of
    // an older epoch, as a broker that lags may name it.
    void apply(const protocol::MetadataResponse& said, bool whole);
    void remove(std::string_view topic);
    // A response named a partition's new leader (KIP-951). False when it is older than what is
    // known.
    bool move_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch);

private:
    TopicPtr merged(const protocol::MetadataResponse::MetadataResponseTopic& said) const;

    std::string cluster_id_;
    NodeId controller_ = -1;
    std::map<NodeId, BrokerInfo> brokers_;
    std::map<std::string, TopicPtr, std::less<>> topics_;
    std::unordered_map<Uuid, TopicPtr> by_id_;
    std::map<std::string, ErrorCode, std::less<>> errors_;
};

}  // namespace millrace::client
