// Where this node's replicas lie: which log directory a new partition gets, what the controller is
// told about it, and moves from one directory to another.
//
//   image: partition without a directory -> the one with the fewest partitions -> AssignReplicasToDirs
//   a directory failed, or is cordoned   -> BrokerHeartbeat
//   AlterReplicaLogDirs                  -> a copy in the background, AssignReplicasToDirs, the swap
//
// A partition is given its directory when it comes into the metadata, and made there when it is
// first used. With one log directory the controller does all that itself, and nothing happens here.
//
// Owner: Broker; run() is spawned by the server. Loop: the shard's.
// Kafka: AssignmentsManager, LogManager.nextLogDirs, ReplicaAlterLogDirsManager (KIP-113, KIP-858,
// KIP-1066).
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "controller/metadata_node.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "runtime/event.h"
#include "runtime/scope.h"
#include "storage/log_manager.h"

namespace millrace::broker {

class Partition;
class Partitions;

class LogDirectories {
public:
    LogDirectories(runtime::Loop& loop, storage::LogManager& logs,
                   controller::MetadataNode& metadata, Partitions& partitions, NodeId node)
        : loop_(loop),
          logs_(logs),
          metadata_(metadata),
          partitions_(partitions),
          node_(node),
          scope_(loop) {}

    // With the first image, and with each that follows.
    void start(const metadata::ImagePtr& image);
    void on_image(const metadata::ImagePtr& image, const metadata::Delta& delta);
    // cordoned.log.dirs: paths, or "*" for all.
    void set_cordoned(const std::vector<std::string>& paths);
    bool is_cordoned(size_t directory) const { return cordoned_[directory]; }

    // Where `partition` of the image is, or is to be made. Errors: kafka_storage_error (its
    // directory is out of use).
    Result<size_t> place(const metadata::Topic& topic, PartitionIndex index,
                         const metadata::Partition& partition);

    // What AlterReplicaLogDirs asks for one partition. Errors: log_dir_not_found,
    // kafka_storage_error, replica_not_available, invalid_replica_assignment (a cordoned
    // directory).
    runtime::Task<ErrorCode> move(metadata::TopicPtr topic, PartitionIndex index,
                                  std::string_view path);

    // Tells the controller what it must know, until stop().
    runtime::Task<void> run();
    runtime::Task<void> stop();

private:
    struct Assignment {
        Uuid topic_id;
        PartitionIndex index;
        size_t directory;
    };
    struct Chosen {
        Uuid topic_id;
        PartitionIndex index;
        friend bool operator==(const Chosen&, const Chosen&) = default;
    };
    struct ChosenHash {
        size_t operator()(const Chosen& c) const {
            return std::hash<Uuid>{}(c.topic_id) + static_cast<size_t>(c.index);
        }
    };

    std::optional<size_t> directory_with(const Uuid& id) const;
    size_t fewest() const;
    void count(const metadata::Topic& topic, bool more);
    void settle(const metadata::Topic& topic);
    void forget(const Uuid& topic_id, PartitionIndex index);
    int64_t broker_epoch() const;
    runtime::Task<void> tell();
    runtime::Task<Result<void>> tell_state();
    runtime::Task<Result<void>> tell_assignments();
    runtime::Task<Result<void>> assign(std::vector<Assignment> batch);
    runtime::Task<void> copy(std::shared_ptr<Partition> partition);
    runtime::Task<Result<bool>> copy_once(Partition& partition);
    runtime::Task<Result<void>> take_over(Partition& partition, size_t directory);

    runtime::Loop& loop_;
    storage::LogManager& logs_;
    controller::MetadataNode& metadata_;
    Partitions& partitions_;
    const NodeId node_;
    metadata::ImagePtr image_;
    std::vector<size_t> counts_;  // partitions of each directory
    std::vector<bool> cordoned_;
    // Chosen here, and not in the image yet.
    std::unordered_map<Chosen, size_t, ChosenHash> chosen_;
    std::deque<Assignment> untold_;
    size_t failures_told_ = 0;
    bool cordoned_told_ = true;
    bool stopping_ = false;
    runtime::Event work_;
    runtime::AsyncMutex copying_;  // one copy at a time
    runtime::Scope scope_;
};

}  // namespace millrace::broker
