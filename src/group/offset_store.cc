#include "group/offset_store.h"

#include <algorithm>

#include "coordinator/typed_record.h"
#include "protocol/records/offset_commit_key.h"
#include "protocol/records/offset_commit_value.h"

namespace millrace::group {

using coordinator::decode_value;
using coordinator::make_record;
using coordinator::make_tombstone;
namespace {

using protocol::Str;

constexpr int16_t kVersion = 4;
// The only version that carries an expire timestamp.
constexpr int16_t kVersionWithExpiry = 1;

protocol::OffsetCommitKey make_key(std::string_view group, std::string_view topic,
                                   PartitionIndex partition) {
    protocol::OffsetCommitKey key;
    key.group = Str::borrow(group);
    key.topic = Str::borrow(topic);
    key.partition = partition;
    return key;
}

}  // namespace

coordinator::Record OffsetStore::to_record(std::string_view group, std::string_view topic,
                                           PartitionIndex partition, const OffsetEntry& entry) {
    protocol::OffsetCommitValue value;
    value.offset = entry.offset;
    value.leader_epoch = entry.leader_epoch;
    value.metadata = Str::borrow(entry.metadata);
    value.commit_timestamp = entry.commit_timestamp;
    value.expire_timestamp = entry.expire_timestamp;
    value.topic_id = entry.topic_id;
    return make_record(make_key(group, topic, partition), value,
                       entry.expire_timestamp == -1 ? kVersion : kVersionWithExpiry);
}

coordinator::Record OffsetStore::tombstone(std::string_view group, std::string_view topic,
                                           PartitionIndex partition) {
    return make_tombstone(make_key(group, topic, partition));
}

Result<void> OffsetStore::apply(const coordinator::RecordView& record) {
    // Both key types have the same body.
    TRY(auto key, protocol::decode<protocol::OffsetCommitKey>(record.key.subspan(2), 0));
    if (!record.value) {
        remove(record, key.group, key.topic, key.partition);
        return {};
    }
    TRY(auto value, decode_value<protocol::OffsetCommitValue>(*record.value));
    OffsetEntry entry{.offset = value.offset,
                      .leader_epoch = value.leader_epoch,
                      .metadata = value.metadata.str(),
                      .commit_timestamp = value.commit_timestamp,
                      .expire_timestamp = value.expire_timestamp,
                      .topic_id = value.topic_id,
                      .record_offset = record.offset};
    const std::string group = key.group.str();
    if (record.producer_id < 0) {
        put(group, key.topic.str(), key.partition, std::move(entry));
    } else {
        pending_[record.producer_id][group][key.topic.str()][key.partition] = std::move(entry);
        pending_groups_[group].insert(record.producer_id);
    }
    return {};
}

void OffsetStore::put(const std::string& group, const std::string& topic, PartitionIndex partition,
                      OffsetEntry entry) {
    auto [at, added] = groups_[group][topic].try_emplace(partition);
    if (at->second.record_offset > entry.record_offset) return;
    if (added)
        size_++;
    else
        count(topic, at->second.topic_id, false);
    count(topic, entry.topic_id, true);
    at->second = std::move(entry);
}

void OffsetStore::remove(const coordinator::RecordView& record, std::string_view group_id,
                         std::string_view topic_name, PartitionIndex partition) {
    drop_pending(group_id, topic_name, partition);
    auto group = groups_.find(group_id);
    if (group == groups_.end()) return;
    auto topic = group->second.find(topic_name);
    if (topic == group->second.end()) return;
    auto at = topic->second.find(partition);
    if (at == topic->second.end() || at->second.record_offset > record.offset) return;
    count(topic->first, at->second.topic_id, false);
    topic->second.erase(at);
    size_--;
    if (topic->second.empty()) group->second.erase(topic);
    if (group->second.empty()) groups_.erase(group);
}

void OffsetStore::apply(const coordinator::Marker& marker) {
    const auto ended = pending_.find(marker.producer_id);
    if (ended == pending_.end()) return;
    for (auto& [group, topics] : ended->second) {
        if (marker.commit)
            for (auto& [topic, partitions] : topics)
                for (auto& [partition, entry] : partitions)
                    put(group, topic, partition, std::move(entry));
        const auto open = pending_groups_.find(group);
        open->second.erase(marker.producer_id);
        if (open->second.empty()) pending_groups_.erase(open);
    }
    pending_.erase(ended);
}

const OffsetStore::Partitions* OffsetStore::pending(ProducerId producer, std::string_view group,
                                                    std::string_view topic) const {
    const auto& groups = pending_.at(producer);
    const auto topics = groups.find(group);
    if (topics == groups.end()) return nullptr;
    const auto at = topics->second.find(topic);
    return at == topics->second.end() ? nullptr : &at->second;
}

bool OffsetStore::has_pending(std::string_view group, std::string_view topic,
                              PartitionIndex partition) const {
    const auto open = pending_groups_.find(group);
    if (open == pending_groups_.end()) return false;
    return std::ranges::any_of(open->second, [&](ProducerId producer) {
        const Partitions* partitions = pending(producer, group, topic);
        return partitions && partitions->contains(partition);
    });
}

void OffsetStore::each_pending(
    std::string_view group, const std::function<void(std::string_view, PartitionIndex)>& fn) const {
    const auto open = pending_groups_.find(group);
    if (open == pending_groups_.end()) return;
    for (const ProducerId producer : open->second)
        for (const auto& [topic, partitions] : pending_.at(producer).find(group)->second)
            for (const auto& [partition, entry] : partitions) fn(topic, partition);
}

void OffsetStore::drop_pending(std::string_view group_id, std::string_view topic_name,
                               PartitionIndex partition) {
    const auto open = pending_groups_.find(group_id);
    if (open == pending_groups_.end()) return;
    std::erase_if(open->second, [&](ProducerId producer) {
        const auto groups = pending_.find(producer);
        const auto group = groups->second.find(group_id);
        const auto topic = group->second.find(topic_name);
        if (topic == group->second.end()) return false;
        topic->second.erase(partition);
        if (topic->second.empty()) group->second.erase(topic);
        if (!group->second.empty()) return false;
        groups->second.erase(group);
        if (groups->second.empty()) pending_.erase(groups);
        return true;
    });
    if (open->second.empty()) pending_groups_.erase(open);
}

void OffsetStore::count(std::string_view topic, const Uuid& id, bool more) {
    auto at = topics_.try_emplace({std::string{topic}, id}, 0).first;
    at->second += more ? 1 : -1;
    if (at->second == 0) topics_.erase(at);
}

const OffsetStore::Topics* OffsetStore::of(std::string_view group) const {
    auto at = groups_.find(group);
    return at == groups_.end() ? nullptr : &at->second;
}

const OffsetEntry* OffsetStore::find(std::string_view group, std::string_view topic,
                                     PartitionIndex partition) const {
    const Topics* topics = of(group);
    if (!topics) return nullptr;
    auto partitions = topics->find(topic);
    if (partitions == topics->end()) return nullptr;
    auto at = partitions->second.find(partition);
    return at == partitions->second.end() ? nullptr : &at->second;
}

}  // namespace millrace::group
