// CreateTopics, DeleteTopics and CreatePartitions. Authorization and the quota of partition changes
// are the broker's.
// Kafka: ReplicationControlManager, ControllerApis.
#pragma once

#include "controller/outcome.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"

namespace millrace::controller {

// Per topic: topic_already_exists, invalid_topic_exception, invalid_request, invalid_partitions,
// invalid_replication_factor, invalid_replica_assignment, invalid_config.
// For all topics: policy_violation (more than kPartitionsPerRequestMax partitions).
Outcome<protocol::CreateTopicsResponse> create_topics(const Context& context,
                                                      const protocol::CreateTopicsRequest& request);

// Per topic: unknown_topic_or_partition, unknown_topic_id, invalid_request,
// topic_deletion_disabled.
Outcome<protocol::DeleteTopicsResponse> delete_topics(const Context& context,
                                                      const protocol::DeleteTopicsRequest& request);

// Per topic: unknown_topic_or_partition, invalid_request, invalid_partitions,
// invalid_replica_assignment, invalid_replication_factor; policy_violation as above.
Outcome<protocol::CreatePartitionsResponse> create_partitions(
    const Context& context, const protocol::CreatePartitionsRequest& request);

}  // namespace millrace::controller
