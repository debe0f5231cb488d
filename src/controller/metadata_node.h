// The metadata of a node that is a cluster of one: the quorum's log, the controller's state machine
// on it, and the images that the rest of the node reads.
//
//   request -> pure function: records + response
//           -> records appended -> synced (committed) -> image published -> response given
//
// Requests run one after the other up to the append; while one sync is under way the next requests
// are appended, and one more sync covers them all (group commit). A request sees what the requests
// before it did, committed or not; a response is given only when its records are committed and the
// image that holds them has been published.
//
// Owner: server. Loop: one; image() and the listeners too. Hand images to other shards from a
//   listener.
// Durability: success = the records are on the disk (fdatasync).
// Errors of all requests: not_controller when the node is stopping or the log failed (then failed()
//   says why; the node must stop, as Kafka's does); kafka_storage_error when the disk took no
//   records. Errors that a request's own response can say stand in the response.
// Kafka: QuorumController, ControllerServer, KafkaRaftManager, MetadataLoader, MetadataPublisher.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "config/broker_config.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "protocol/messages/allocate_producer_ids.h"
#include "protocol/messages/alter_configs.h"
#include "protocol/messages/assign_replicas_to_dirs.h"
#include "protocol/messages/broker_heartbeat.h"
#include "protocol/messages/broker_registration.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/update_features.h"
#include "raft/voters.h"
#include "runtime/disk.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "storage/shard.h"

namespace millrace::controller {

struct MetadataNodeOptions {
    std::shared_ptr<const config::BrokerConfig> config;
    std::string cluster_id;
    std::string metadata_log_dir;  // holds __cluster_metadata-0
    Uuid directory_id;             // of metadata_log_dir
    Uuid incarnation_id;           // of this process's life
    // The voter's endpoints, as they are advertised.
    std::vector<raft::VoterEndpoint> controller_endpoints;
};

class MetadataNode {
public:
    // Loads the newest snapshot and the log behind it, becomes leader with the next epoch, and
    // writes what a new cluster starts with, or aborts what the last life left half done. image()
    // is complete and committed when it returns. `disk`, `shard` and `loop` must outlive the node.
    static runtime::Task<Result<std::unique_ptr<MetadataNode>>> start(runtime::Disk& disk,
                                                                      storage::Shard& shard,
                                                                      runtime::Loop& loop,
                                                                      MetadataNodeOptions options);
    ~MetadataNode();
    MetadataNode(const MetadataNode&) = delete;

    // The newest committed metadata; never null.
    const metadata::ImagePtr& image() const;
    // The finalized level of kraft.version, which is the quorum's and not in the image.
    int16_t kraft_version() const;
    // Called for each published image in order, before the responses that depend on it are given.
    // The listener must not call back. Set before the first request; not called for the image of
    // start().
    using Listener =
        std::function<void(const metadata::ImagePtr& image, const metadata::Delta& delta)>;
    void set_listener(Listener listener);

    // Background work until stop(): idle NoOp records (metadata.max.idle.interval.ms), snapshots,
    // clean-up. To be spawned once.
    runtime::Task<void> run();
    // Waits for what is under way, fences this node's broker (not told to the listener), and closes
    // the log. No request may follow.
    runtime::Task<Result<void>> stop();
    // Set once the log failed.
    const Error* failed() const;

    // Registers this node's broker and ends its fencing: BrokerRegistration and BrokerHeartbeat in
    // one, through the same code. `previous_broker_epoch` is from .kafka_cleanshutdown, -1 after a
    // crash. The answer is the broker epoch.
    runtime::Task<Result<int64_t>> register_this_broker(std::vector<metadata::Endpoint> endpoints,
                                                        std::vector<Uuid> log_dirs,
                                                        int64_t previous_broker_epoch);

    // `version` is that of the request: some answers depend on it. Requests must outlive the task.
    runtime::Task<Result<protocol::CreateTopicsResponse>> create_topics(
        const protocol::CreateTopicsRequest& request, int16_t version);
    runtime::Task<Result<protocol::DeleteTopicsResponse>> delete_topics(
        const protocol::DeleteTopicsRequest& request, int16_t version);
    runtime::Task<Result<protocol::CreatePartitionsResponse>> create_partitions(
        const protocol::CreatePartitionsRequest& request, int16_t version);
    runtime::Task<Result<protocol::AlterConfigsResponse>> alter_configs(
        const protocol::AlterConfigsRequest& request, int16_t version);
    runtime::Task<Result<protocol::IncrementalAlterConfigsResponse>> incremental_alter_configs(
        const protocol::IncrementalAlterConfigsRequest& request, int16_t version);
    runtime::Task<Result<protocol::UpdateFeaturesResponse>> update_features(
        const protocol::UpdateFeaturesRequest& request, int16_t version);
    runtime::Task<Result<protocol::AllocateProducerIdsResponse>> allocate_producer_ids(
        const protocol::AllocateProducerIdsRequest& request, int16_t version);
    runtime::Task<Result<protocol::ElectLeadersResponse>> elect_leaders(
        const protocol::ElectLeadersRequest& request, int16_t version);
    runtime::Task<Result<protocol::AssignReplicasToDirsResponse>> assign_replicas_to_dirs(
        const protocol::AssignReplicasToDirsRequest& request, int16_t version);
    runtime::Task<Result<protocol::BrokerRegistrationResponse>> register_broker(
        const protocol::BrokerRegistrationRequest& request, int16_t version);
    runtime::Task<Result<protocol::BrokerHeartbeatResponse>> broker_heartbeat(
        const protocol::BrokerHeartbeatRequest& request, int16_t version);

    protocol::DescribeQuorumResponse describe_quorum(
        const protocol::DescribeQuorumRequest& request) const;

private:
    struct State;
    explicit MetadataNode(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace millrace::controller
