// The request handlers: one function an API, each in a file of its own (api/NN_name.cc). They are
// coroutines on the shard's loop; request and context outlive the call, and a response owns its
// data or borrows from what the request, the context or its own image keep alive until it is
// encoded, right after the call.
#pragma once

#include <optional>

#include "broker/broker.h"
#include "broker/request_context.h"
#include "protocol/messages/add_offsets_to_txn.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/alter_configs.h"
#include "protocol/messages/alter_replica_log_dirs.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/describe_topic_partitions.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/list_config_resources.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/list_transactions.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/sync_group.h"
#include "protocol/messages/txn_offset_commit.h"
#include "protocol/messages/update_features.h"
#include "protocol/messages/write_txn_markers.h"

namespace millrace::broker::api {

using runtime::Task;

#define MILLRACE_HANDLER(name, Message)                              \
    Task<protocol::Message##Response> name(Broker&, RequestContext&, \
                                           const protocol::Message##Request&)

// Nothing when no answer is to be sent (acks=0). An error closes the connection.
Task<Result<std::optional<protocol::ProduceResponse>>> produce(Broker&, RequestContext&,
                                                               protocol::ProduceRequest&);
MILLRACE_HANDLER(fetch, Fetch);
MILLRACE_HANDLER(list_offsets, ListOffsets);
MILLRACE_HANDLER(metadata, Metadata);
MILLRACE_HANDLER(offset_commit, OffsetCommit);
MILLRACE_HANDLER(offset_fetch, OffsetFetch);
MILLRACE_HANDLER(find_coordinator, FindCoordinator);
MILLRACE_HANDLER(join_group, JoinGroup);
MILLRACE_HANDLER(heartbeat, Heartbeat);
MILLRACE_HANDLER(leave_group, LeaveGroup);
MILLRACE_HANDLER(sync_group, SyncGroup);
MILLRACE_HANDLER(describe_groups, DescribeGroups);
MILLRACE_HANDLER(list_groups, ListGroups);
MILLRACE_HANDLER(api_versions, ApiVersions);
MILLRACE_HANDLER(create_topics, CreateTopics);
MILLRACE_HANDLER(delete_topics, DeleteTopics);
MILLRACE_HANDLER(delete_records, DeleteRecords);
MILLRACE_HANDLER(init_producer_id, InitProducerId);
MILLRACE_HANDLER(add_partitions_to_txn, AddPartitionsToTxn);
MILLRACE_HANDLER(add_offsets_to_txn, AddOffsetsToTxn);
MILLRACE_HANDLER(end_txn, EndTxn);
MILLRACE_HANDLER(write_txn_markers, WriteTxnMarkers);
MILLRACE_HANDLER(txn_offset_commit, TxnOffsetCommit);
MILLRACE_HANDLER(describe_transactions, DescribeTransactions);
MILLRACE_HANDLER(list_transactions, ListTransactions);
MILLRACE_HANDLER(offset_for_leader_epoch, OffsetForLeaderEpoch);
MILLRACE_HANDLER(describe_configs, DescribeConfigs);
MILLRACE_HANDLER(alter_configs, AlterConfigs);
MILLRACE_HANDLER(alter_replica_log_dirs, AlterReplicaLogDirs);
MILLRACE_HANDLER(describe_log_dirs, DescribeLogDirs);
MILLRACE_HANDLER(create_partitions, CreatePartitions);
MILLRACE_HANDLER(delete_groups, DeleteGroups);
MILLRACE_HANDLER(incremental_alter_configs, IncrementalAlterConfigs);
MILLRACE_HANDLER(offset_delete, OffsetDelete);
MILLRACE_HANDLER(describe_quorum, DescribeQuorum);
MILLRACE_HANDLER(update_features, UpdateFeatures);
MILLRACE_HANDLER(describe_cluster, DescribeCluster);
MILLRACE_HANDLER(describe_producers, DescribeProducers);
MILLRACE_HANDLER(consumer_group_heartbeat, ConsumerGroupHeartbeat);
MILLRACE_HANDLER(consumer_group_describe, ConsumerGroupDescribe);
MILLRACE_HANDLER(list_config_resources, ListConfigResources);
MILLRACE_HANDLER(describe_topic_partitions, DescribeTopicPartitions);

#undef MILLRACE_HANDLER

}  // namespace millrace::broker::api
