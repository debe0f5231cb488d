// One life of one broker of the stand-in cluster: connections, and the coordinators of what it
// leads.
//
// Owner: the root task of its process; it dies with it. Loop: the process's.
#pragma once

#include "broker/fetch_session.h"
#include "group/group_coordinator.h"
#include "net/server.h"
#include "protocol/messages/add_offsets_to_txn.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "sim/client/cluster/stand_in_cluster.h"
#include "transaction/transaction_coordinator.h"

namespace millrace::sim {

// What a handler is told of its request.
struct Call {
    int16_t version = 0;
    std::string client_id;
    runtime::TimePoint received;
};

class StandInBroker : private transaction::Host {
public:
    StandInBroker(StandInCluster& cluster, NodeId id, runtime::Context& context);
    ~StandInBroker() override;

    runtime::Task<void> run();
    void spawn(StandInCluster::Errand errand);
    void topics_changed();

    StandInCluster& cluster() { return cluster_; }
    StandInCluster::Machine& machine() { return cluster_.at(id_); }
    runtime::Loop& loop() { return context_.loop; }
    group::GroupCoordinator& groups() { return *groups_; }
    transaction::TransactionCoordinator& transactions() { return *transactions_; }

    template <typename M>
    using Answer = runtime::Task<typename M::Response>;
    Answer<protocol::ApiVersionsRequest> api_versions(const Call&,
                                                      const protocol::ApiVersionsRequest&);
    Answer<protocol::MetadataRequest> metadata(const Call&, const protocol::MetadataRequest&);
    Answer<protocol::ProduceRequest> produce(const Call&, const protocol::ProduceRequest&);
    Answer<protocol::FetchRequest> fetch(const Call&, const protocol::FetchRequest&);
    Answer<protocol::ListOffsetsRequest> list_offsets(const Call&,
                                                      const protocol::ListOffsetsRequest&);
    Answer<protocol::OffsetForLeaderEpochRequest> offset_for_leader_epoch(
        const Call&, const protocol::OffsetForLeaderEpochRequest&);
    Answer<protocol::FindCoordinatorRequest> find_coordinator(
        const Call&, const protocol::FindCoordinatorRequest&);
    Answer<protocol::InitProducerIdRequest> init_producer_id(
        const Call&, const protocol::InitProducerIdRequest&);
    Answer<protocol::AddPartitionsToTxnRequest> add_partitions_to_txn(
        const Call&, const protocol::AddPartitionsToTxnRequest&);
    Answer<protocol::AddOffsetsToTxnRequest> add_offsets_to_txn(
        const Call&, const protocol::AddOffsetsToTxnRequest&);
    Answer<protocol::EndTxnRequest> end_txn(const Call&, const protocol::EndTxnRequest&);
    Answer<protocol::TxnOffsetCommitRequest> txn_offset_commit(
        const Call&, const protocol::TxnOffsetCommitRequest&);

    // A fault for something that can fail with these: the code, and whether it is carried out all
    // the same.
    struct Injected {
        ErrorCode code;
        bool perform;
    };
    std::optional<Injected> inject(std::span<const ErrorCode> refused,
                                   std::span<const ErrorCode> performed);
    int32_t throttle();

    // Appends a marker to a partition that this broker leads.
    runtime::Task<ErrorCode> take_marker(TopicPartition place, coordinator::Marker marker);

private:
    struct Loaded;
    struct Admission;

    ErrorCode leads(const StandInPartition& partition, LeaderEpoch client_knows) const;
    runtime::Task<ErrorCode> commit(StandInPartition& partition, Offset last, LeaderEpoch epoch,
                                    runtime::TimePoint deadline);
    protocol::ProduceResponse::PartitionProduceResponse refused(StandInPartition* partition,
                                                                PartitionIndex index,
                                                                ErrorCode code);
    runtime::Task<void> produce_one(const Call& call, const protocol::ProduceRequest& request,
                                    StandInPartition* partition, bool by_id, ByteView records,
                                    protocol::ProduceResponse::PartitionProduceResponse& answer);
    runtime::Task<ErrorCode> admit(std::string id, StandInPartition& partition,
                                   transaction::Producer producer, int32_t sequence, bool adds,
                                   uint64_t& verification);
    protocol::FetchResponse::PartitionData read(const Call& call,
                                                const protocol::FetchRequest& request,
                                                broker::FetchedPartition& wanted, bool& now,
                                                bool first);
    NodeId nearer(const StandInPartition& partition, std::string_view rack, Offset from);
    NodeId coordinator_of(int8_t key_type, std::string_view key);
    std::shared_ptr<const group::ClusterView> view() const;
    runtime::Task<void> follow();
    runtime::Task<bool> follow_once();

    runtime::Task<Result<ProducerId>> new_producer_id() override;
    runtime::Task<ErrorCode> write_marker(const TopicPartition& partition,
                                          const coordinator::Marker& marker) override;
    int16_t transaction_version() const override { return cluster_.options().transaction_version; }

    StandInCluster& cluster_;
    const NodeId id_;
    runtime::Context context_;
    net::BufferPool pool_;
    broker::FetchSessionCache sessions_;
    std::map<TopicPartition, std::unique_ptr<Loaded>> loaded_;
    std::unique_ptr<group::GroupCoordinator> groups_;
    std::unique_ptr<transaction::TransactionCoordinator> transactions_;
    net::Server server_;
    runtime::Scope scope_;
};

}  // namespace millrace::sim
