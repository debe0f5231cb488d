#include "group/offset_store.h"

#include "group/records.h"
#include "protocol/records/offset_commit_key.h"
#include "protocol/records/offset_commit_value.h"

namespace millrace::group {
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
        auto group = groups_.find(key.group.view());
        if (group == groups_.end()) return {};
        auto topic = group->second.find(key.topic.view());
        if (topic == group->second.end()) return {};
        auto at = topic->second.find(key.partition);
        if (at == topic->second.end() || at->second.record_offset > record.offset) return {};
        count(topic->first, at->second.topic_id, false);
        topic->second.erase(at);
        size_--;
        if (topic->second.empty()) group->second.erase(topic);
        if (group->second.empty()) groups_.erase(group);
        return {};
    }
    TRY(auto value, decode_value<protocol::OffsetCommitValue>(*record.value));
    auto [at, added] = groups_[key.group.str()][key.topic.str()].try_emplace(key.partition);
    if (at->second.record_offset > record.offset) return {};
    if (added)
        size_++;
    else
        count(key.topic, at->second.topic_id, false);
    count(key.topic, value.topic_id, true);
    at->second = {.offset = value.offset,
                  .leader_epoch = value.leader_epoch,
                  .metadata = value.metadata.str(),
                  .commit_timestamp = value.commit_timestamp,
                  .expire_timestamp = value.expire_timestamp,
                  .topic_id = value.topic_id,
                  .record_offset = record.offset};
    return {};
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
