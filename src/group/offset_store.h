// The committed offsets of one partition of __consumer_offsets: group -> topic -> partition.
//
// Offsets that were committed in a transaction are kept beside these until the producer's marker
// comes (KIP-98): a commit makes them count, unless a later record has been applied since; an abort
// drops them. Kafka: OffsetMetadataManager.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "coordinator/record.h"

namespace millrace::group {

struct OffsetEntry {
    Offset offset = -1;
    LeaderEpoch leader_epoch = -1;
    std::string metadata;
    TimestampMs commit_timestamp = -1;
    TimestampMs expire_timestamp = -1;  // -1: by retention. Only OffsetCommit v2-4 can set it.
    Uuid topic_id;                      // zero when the commit did not know it
    Offset record_offset =
        -1;  // where the record stands; a later record wins whatever order they are applied in
    friend bool operator==(const OffsetEntry& a, const OffsetEntry& b) {
        return a.offset == b.offset && a.leader_epoch == b.leader_epoch &&
               a.metadata == b.metadata && a.commit_timestamp == b.commit_timestamp &&
               a.expire_timestamp == b.expire_timestamp && a.topic_id == b.topic_id;
    }
};

class OffsetStore {
public:
    using Partitions = std::map<PartitionIndex, OffsetEntry>;
    using Topics = std::map<std::string, Partitions, std::less<>>;
    using Groups = std::map<std::string, Topics, std::less<>>;

    // Value v4, or v1 when it has an expire timestamp of its own.
    static coordinator::Record to_record(std::string_view group, std::string_view topic,
                                         PartitionIndex partition, const OffsetEntry& entry);
    static coordinator::Record tombstone(std::string_view group, std::string_view topic,
                                         PartitionIndex partition);
    // A record with an OffsetCommitKey (types 0 and 1). Errors: malformed, unsupported_version.
    Result<void> apply(const coordinator::RecordView& record);
    // The end of the transaction of the marker's producer.
    void apply(const coordinator::Marker& marker);

    // Open transactions' offsets included.
    bool has(std::string_view group) const {
        return groups_.contains(group) || pending_groups_.contains(group);
    }
    const Topics* of(std::string_view group) const;
    const OffsetEntry* find(std::string_view group, std::string_view topic,
                            PartitionIndex partition) const;
    const Groups& groups() const { return groups_; }
    // Whether an open transaction has offsets of the group, of the partition.
    bool has_pending(std::string_view group) const { return pending_groups_.contains(group); }
    bool has_pending(std::string_view group, std::string_view topic,
                     PartitionIndex partition) const;
    // Calls fn(topic, partition) for those of the group; some may come twice.
    void each_pending(std::string_view group,
                      const std::function<void(std::string_view, PartitionIndex)>& fn) const;
    // The topics that offsets are of, by name and id, each with the number of its offsets.
    using TopicCounts = std::map<std::pair<std::string, Uuid>, size_t>;
    const TopicCounts& topics() const { return topics_; }
    size_t size() const { return size_; }
    friend bool operator==(const OffsetStore& a, const OffsetStore& b) {
        return a.groups_ == b.groups_ && a.pending_ == b.pending_;
    }

private:
    void put(const std::string& group, const std::string& topic, PartitionIndex partition,
             OffsetEntry entry);
    void remove(const coordinator::RecordView& record, std::string_view group,
                std::string_view topic, PartitionIndex partition);
    const Partitions* pending(ProducerId producer, std::string_view group,
                              std::string_view topic) const;
    void drop_pending(std::string_view group, std::string_view topic, PartitionIndex partition);
    void count(std::string_view topic, const Uuid& id, bool more);

    TopicCounts topics_;
    Groups groups_;  // no empty topic, no empty group
    size_t size_ = 0;
    std::map<ProducerId, Groups> pending_;  // none of them empty
    std::map<std::string, std::set<ProducerId>, std::less<>> pending_groups_;
};

}  // namespace millrace::group
