#include "client/share/session.h"

#include <limits>

namespace millrace::client {
namespace {

// The entry of a partition in a request's list of topics, made where it is not there.
template <typename Topic>
auto& partition_in(std::vector<Topic>& topics, const Uuid& id, PartitionIndex index) {
    auto topic = std::ranges::find(topics, id, &Topic::topic_id);
    if (topic == topics.end()) {
        topics.emplace_back().topic_id = id;
        topic = topics.end() - 1;
    }
    auto& partition = topic->partitions.emplace_back();
    partition.partition_index = index;
    return partition;
}

template <typename Partition>
void name_ranges(Partition& partition, const PartitionAcknowledgement& said) {
    for (const AcknowledgedRange& range : said.ranges) {
        auto& batch = partition.acknowledgement_batches.emplace_back();
        batch.first_offset = range.first;
        batch.last_offset = range.last;
        batch.acknowledge_types = {static_cast<int8_t>(range.type)};
    }
}

}  // namespace

void ShareSession::name(protocol::ShareFetchRequest& request,
                        const std::map<TopicPartition, Uuid>& wanted,
                        std::span<const PartitionAcknowledgement> acknowledgements) {
    request.share_session_epoch = epoch_;
    std::map<std::pair<Uuid, PartitionIndex>, TopicPartition> now;
    for (const auto& [place, id] : wanted) now.emplace(std::pair(id, place.partition), place);
    for (const PartitionAcknowledgement& said : acknowledgements)
        name_ranges(partition_in(request.topics, said.topic_id, said.place.partition), said);
    const auto acknowledged = [&](const std::pair<Uuid, PartitionIndex>& key) {
        return std::ranges::any_of(acknowledgements, [&](const PartitionAcknowledgement& said) {
            return said.topic_id == key.first && said.place.partition == key.second;
        });
    };
    for (const auto& [key, place] : now) {
        if (!partitions_.contains(key) && !acknowledged(key))
            partition_in(request.topics, key.first, key.second);
    }
    for (const auto& [key, place] : partitions_) {
        if (now.contains(key)) continue;
        auto& topics = request.forgotten_topics_data;
        if (topics.empty() || topics.back().topic_id != key.first)
            topics.emplace_back().topic_id = key.first;
        topics.back().partitions.push_back(key.second);
    }
    partitions_ = std::move(now);
}

void ShareSession::name(protocol::ShareAcknowledgeRequest& request,
                        std::span<const PartitionAcknowledgement> acknowledgements) const {
    request.share_session_epoch = epoch_;
    for (const PartitionAcknowledgement& said : acknowledgements)
        name_ranges(partition_in(request.topics, said.topic_id, said.place.partition), said);
}

void ShareSession::answered() {
    epoch_ = epoch_ == std::numeric_limits<int32_t>::max() ? 1 : epoch_ + 1;
}

void ShareSession::forget() {
    epoch_ = 0;
    partitions_.clear();
}

const TopicPartition* ShareSession::find(const Uuid& topic_id, PartitionIndex partition) const {
    const auto found = partitions_.find({topic_id, partition});
    return found == partitions_.end() ? nullptr : &found->second;
}

}  // namespace millrace::client
