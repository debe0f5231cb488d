// The partitions that this node serves, as its request handlers see them.
//
// Nothing is made for a partition before a request touches it: get() then opens its log
// (storage/log_manager.h), which for a partition without records costs next to nothing. Deleting a
// topic marks its partitions `gone` and wakes who waits on them; the files go when the last one who
// holds the Partition lets go of it, so no handler ever reads a log that is being removed. A
// partition that nobody uses for some minutes is closed again (LogManager asks let_go()).
//
// Owner: Broker. Loop: the shard's.
// Kafka: Partition, ReplicaManager (allPartitions, getPartitionOrError).
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "config/topic_config.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "runtime/event.h"
#include "runtime/task.h"
#include "storage/log_manager.h"

namespace millrace::broker {

class LogDirectories;
class Partitions;

class Partition {
public:
    Partition(storage::LogManager& logs, storage::Log& log, TopicPartition name, Uuid topic_id)
        : logs_(logs), log_(&log), name_(std::move(name)), topic_id_(topic_id) {}
    ~Partition();
    Partition(const Partition&) = delete;

    // Another one from the next turn of the loop on, when the partition moves to another directory:
    // the old one then fails with kafka_storage_error.
    storage::Log& log() { return *log_; }
    void set_log(storage::Log& log);
    // Room for clients' `bytes` in the log's directory; false: refuse them (storage/disk_room.h).
    bool take_room(uint64_t bytes, TimestampMs now);
    const TopicPartition& name() const { return name_; }
    const Uuid& topic_id() const { return topic_id_; }
    LeaderEpoch leader_epoch() const { return leader_epoch_; }
    const config::TopicConfig& config() const { return *config_; }
    int32_t isr_size() const { return isr_size_; }
    int32_t replica_count() const { return replica_count_; }
    // The topic was deleted: no more appends, and answer unknown_topic_or_partition.
    bool gone() const { return gone_; }

    // Everything written so far (storage::Log::commit) is committed, since this node is the only
    // replica; wakes parked fetches.
    void advance();
    // Rings when records become readable, and when the partition goes away.
    runtime::Signal& changed() { return changed_; }

    // While one of these lives, appenders wait: a copy of the partition takes over.
    class Pause {
    public:
        explicit Pause(Partition& partition) : partition_(partition) { ++partition.pauses_; }
        ~Pause() {
            --partition_.pauses_;
            partition_.changed_.notify();
        }
        Pause(const Pause&) = delete;

    private:
        Partition& partition_;
    };
    bool paused() const { return pauses_ > 0; }
    // Until it is not; to be asked again when it came back. Everybody who appends must.
    runtime::Task<void> until_resumed(runtime::Loop& loop);

    // FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH when the client knows another epoch; -1: it knows
    // none (KIP-320).
    ErrorCode check_epoch(LeaderEpoch known_to_client) const;

private:
    friend class Partitions;

    storage::LogManager& logs_;
    storage::Log* log_;
    const TopicPartition name_;
    const Uuid topic_id_;
    LeaderEpoch leader_epoch_ = 0;
    int32_t isr_size_ = 1;
    int32_t replica_count_ = 1;
    std::shared_ptr<const config::TopicConfig> config_;
    bool gone_ = false;
    int pauses_ = 0;
    runtime::Signal changed_;
};

using PartitionPtr = std::shared_ptr<Partition>;

class Partitions {
public:
    Partitions(runtime::Loop& loop, storage::LogManager& logs, NodeId node)
        : loop_(loop), logs_(logs), node_(node) {}

    // The first image. Directories of partitions that are in no topic are renamed to `-stray`, as
    // Kafka does: their topics were deleted while the node was down, or are another cluster's.
    void start(metadata::ImagePtr image, std::shared_ptr<const config::BrokerConfig> broker);
    // The next one, and what it changed: deleted partitions go, changed ones are told. Another
    // `broker` than before may change the configuration of all.
    void on_image(metadata::ImagePtr image, const metadata::Delta& delta,
                  std::shared_ptr<const config::BrokerConfig> broker);
    // The log config of a topic by name; for LogManager.
    storage::LogConfig log_config(const std::string& topic) const;

    // The partition if it is open already, else nullptr: no wait, no allocation.
    const PartitionPtr* find(const Uuid& topic_id, PartitionIndex index) const;
    // Opens it when needed. `topic` may be null (an unknown one).
    // Errors: unknown_topic_or_partition, not_leader_or_follower, kafka_storage_error.
    runtime::Task<Result<PartitionPtr>> get(metadata::TopicPtr topic, PartitionIndex index);

    // Calls fn(Partition&) for all open ones.
    template <typename Fn>
    void each_open(Fn&& fn) {
        for (auto& [id, row] : open_)
            for (auto& partition : row)
                if (partition) fn(*partition);
    }
    storage::LogManager& logs() { return logs_; }
    // Forgets the partition, whose log is to be closed; false: it is in use.
    bool let_go(const TopicPartition& name);
    // Partitions of directories that have failed are no longer open; who waits on them is woken.
    void drop_failed();
    // Where new partitions go; before start().
    void set_directories(LogDirectories& directories) { directories_ = &directories; }

private:
    runtime::Task<Result<storage::Log*>> open_log(const TopicPartition& name, Uuid topic_id,
                                                  size_t directory);
    void remove(const metadata::Topic& topic);
    void reconfigure(const Uuid& topic_id);
    void reconfigure(Partition& partition, const metadata::Topic& topic);
    std::shared_ptr<const config::TopicConfig> topic_config(const std::string& topic) const;

    runtime::Loop& loop_;
    storage::LogManager& logs_;
    const NodeId node_;
    LogDirectories* directories_ = nullptr;
    metadata::ImagePtr image_;
    std::shared_ptr<const config::BrokerConfig> broker_config_;
    std::unordered_map<Uuid, std::vector<PartitionPtr>> open_;
};

}  // namespace millrace::broker
