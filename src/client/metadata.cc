#include "client/metadata.h"

namespace millrace::client {

TopicPtr Metadata::topic(std::string_view name) const {
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : found->second;
}

TopicPtr Metadata::topic(const Uuid& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

ErrorCode Metadata::error(std::string_view topic) const {
    const auto found = errors_.find(topic);
    return found == errors_.end() ? ErrorCode::none : found->second;
}

void Metadata::remove(std::string_view topic) {
    errors_.erase(std::string(topic));
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    by_id_.erase(found->second->id);
    topics_.erase(found);
}

void Metadata::apply(const protocol::MetadataResponse& said, bool whole) {
    if (said.cluster_id) cluster_id_ = said.cluster_id->str();
    controller_ = said.controller_id;
    brokers_.clear();
    for (const auto& broker : said.brokers)
        brokers_[broker.node_id] = {{broker.host.str(), static_cast<uint16_t>(broker.port)},
                                    broker.rack ? broker.rack->str() : std::string()};
    std::map<std::string, TopicPtr, std::less<>> topics;
    for (const auto& topic : said.topics) {
        if (!topic.name) continue;  // asked by an id that does not exist
        const auto code = static_cast<ErrorCode>(topic.error_code);
        // Without a leader for some partition it is there all the same; one that is just being made
        // has no partitions yet.
        const bool partial = code == ErrorCode::leader_not_available && !topic.partitions.empty();
        if (code != ErrorCode::none && !partial) {
            remove(*topic.name);
            errors_[topic.name->str()] = code;
            continue;
        }
        TopicPtr known = merged(topic);
        remove(*topic.name);
        topics[known->name] = std::move(known);
    }
    if (whole) {
        topics_ = std::move(topics);
        by_id_.clear();
        for (const auto& [name, topic] : topics_) by_id_[topic->id] = topic;
        return;
    }
    for (auto& [name, topic] : topics) {
        by_id_[topic->id] = topic;
        topics_[name] = topic;
    }
}

TopicPtr Metadata::merged(const protocol::MetadataResponse::MetadataResponseTopic& said) const {
    auto out = std::make_shared<TopicInfo>();
    out->name = said.name->str();
    out->id = said.topic_id;
    out->internal = said.is_internal;
    const TopicPtr before = topic(out->name);
    const bool same = before && before->id == out->id;
    out->partitions.resize(said.partitions.size());
    for (const auto& partition : said.partitions) {
        const auto at = static_cast<size_t>(partition.partition_index);
        if (partition.partition_index < 0 || at >= out->partitions.size()) continue;
        PartitionInfo& info = out->partitions[at];
        info.leader = partition.leader_id;
        info.leader_epoch = partition.leader_epoch;
        info.replicas = partition.replica_nodes;
        info.in_sync = partition.isr_nodes;
        info.offline = partition.offline_replicas;
        if (!same || at >= before->partitions.size()) continue;
        const PartitionInfo& old = before->partitions[at];
        if (info.leader_epoch >= 0 && info.leader_epoch < old.leader_epoch) info = old;
    }
    return out;
}

bool Metadata::move_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch) {
    const TopicPtr before = topic(partition.topic);
    const auto at = static_cast<size_t>(partition.partition);
    if (!before || at >= before->partitions.size()) return false;
    if (epoch <= before->partitions[at].leader_epoch || !brokers_.contains(leader)) return false;
    auto moved = std::make_shared<TopicInfo>(*before);
    moved->partitions[at].leader = leader;
    moved->partitions[at].leader_epoch = epoch;
    by_id_[moved->id] = moved;
    topics_[moved->name] = std::move(moved);
    return true;
}

}  // namespace millrace::client
