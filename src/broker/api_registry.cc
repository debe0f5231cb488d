#include "broker/api_registry.h"

#include <algorithm>

#include "broker/api/handlers.h"
#include "protocol/api_table.h"

namespace millrace::broker {
namespace {

using runtime::Task;

template <typename Request, typename Response,
          Task<Response> (*handler)(Broker&, RequestContext&, const Request&)>
Task<Result<bool>> handle(Broker& broker, RequestContext& context, ByteView body,
                          protocol::Writer& out) {
    CO_TRY(const Request request, protocol::decode<Request>(body, context.version));
    const Response response = co_await handler(broker, context, request);
    CO_TRY_OK(protocol::encode(response, context.version, out));
    co_return true;
}

Task<Result<bool>> handle_produce(Broker& broker, RequestContext& context, ByteView body,
                                  protocol::Writer& out) {
    CO_TRY(auto request, protocol::decode<protocol::ProduceRequest>(body, context.version));
    CO_TRY(const auto response, co_await api::produce(broker, context, request));
    if (!response) co_return false;
    CO_TRY_OK(protocol::encode(*response, context.version, out));
    co_return true;
}

#define MILLRACE_API(Message, handler)                                                          \
    Api {                                                                                       \
        protocol::Message##Request::kApiKey, protocol::Message##Request::kVersionMin,           \
            protocol::Message##Request::kVersionMax, protocol::Message##Request::kFlexibleFrom, \
            &handle<protocol::Message##Request, protocol::Message##Response, &api::handler>,    \
            protocol::find_api(protocol::Message##Request::kApiKey)->unstable_latest            \
    }

const Api kApis[] = {
    {protocol::ProduceRequest::kApiKey, protocol::ProduceRequest::kVersionMin,
     protocol::ProduceRequest::kVersionMax, protocol::ProduceRequest::kFlexibleFrom,
     &handle_produce},
    MILLRACE_API(Fetch, fetch),
    MILLRACE_API(ListOffsets, list_offsets),
    MILLRACE_API(Metadata, metadata),
    MILLRACE_API(OffsetCommit, offset_commit),
    MILLRACE_API(OffsetFetch, offset_fetch),
    MILLRACE_API(FindCoordinator, find_coordinator),
    MILLRACE_API(JoinGroup, join_group),
    MILLRACE_API(Heartbeat, heartbeat),
    MILLRACE_API(LeaveGroup, leave_group),
    MILLRACE_API(SyncGroup, sync_group),
    MILLRACE_API(DescribeGroups, describe_groups),
    MILLRACE_API(ListGroups, list_groups),
    MILLRACE_API(ApiVersions, api_versions),
    MILLRACE_API(CreateTopics, create_topics),
    MILLRACE_API(DeleteTopics, delete_topics),
    MILLRACE_API(DeleteRecords, delete_records),
    MILLRACE_API(InitProducerId, init_producer_id),
    MILLRACE_API(OffsetForLeaderEpoch, offset_for_leader_epoch),
    MILLRACE_API(AddPartitionsToTxn, add_partitions_to_txn),
    MILLRACE_API(AddOffsetsToTxn, add_offsets_to_txn),
    MILLRACE_API(EndTxn, end_txn),
    MILLRACE_API(WriteTxnMarkers, write_txn_markers),
    MILLRACE_API(TxnOffsetCommit, txn_offset_commit),
    MILLRACE_API(DescribeConfigs, describe_configs),
    MILLRACE_API(AlterConfigs, alter_configs),
    MILLRACE_API(AlterReplicaLogDirs, alter_replica_log_dirs),
    MILLRACE_API(DescribeLogDirs, describe_log_dirs),
    MILLRACE_API(CreatePartitions, create_partitions),
    MILLRACE_API(DeleteGroups, delete_groups),
    MILLRACE_API(IncrementalAlterConfigs, incremental_alter_configs),
    MILLRACE_API(OffsetDelete, offset_delete),
    MILLRACE_API(DescribeQuorum, describe_quorum),
    MILLRACE_API(UpdateFeatures, update_features),
    MILLRACE_API(DescribeCluster, describe_cluster),
    MILLRACE_API(DescribeProducers, describe_producers),
    MILLRACE_API(DescribeTransactions, describe_transactions),
    MILLRACE_API(ListTransactions, list_transactions),
    MILLRACE_API(ConsumerGroupHeartbeat, consumer_group_heartbeat),
    MILLRACE_API(ConsumerGroupDescribe, consumer_group_describe),
    MILLRACE_API(ListConfigResources, list_config_resources),
    MILLRACE_API(DescribeTopicPartitions, describe_topic_partitions),
};

#undef MILLRACE_API

}  // namespace

std::span<const Api> served_apis() {
    return kApis;
}

const Api* find_api(int16_t key) {
    const auto found =
        std::lower_bound(std::begin(kApis), std::end(kApis), key,
                         [](const Api& api, int16_t wanted) { return api.key < wanted; });
    return found != std::end(kApis) && found->key == key ? found : nullptr;
}

}  // namespace millrace::broker
