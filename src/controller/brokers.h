// The broker's life as the controller sees it: registration, heartbeats, who leads its partitions,
// where its replicas lie.
//
//   registered, fenced --heartbeat, caught up--> unfenced --heartbeat with want_fence--> fenced
//
// A partition that has no leader gets one when a broker that may lead it is unfenced.
// Kafka: ClusterControlManager, BrokerHeartbeatManager, ReplicationControlManager.
#pragma once

#include "controller/outcome.h"
#include "protocol/messages/allocate_producer_ids.h"
#include "protocol/messages/assign_replicas_to_dirs.h"
#include "protocol/messages/broker_heartbeat.h"
#include "protocol/messages/broker_registration.h"
#include "protocol/messages/elect_leaders.h"

namespace millrace::controller {

constexpr int32_t kProducerIdBlock = 1000;

// The whole response fails with: inconsistent_cluster_id, invalid_registration (no listener, log
// directory ids that are reserved or repeated), unsupported_version (a finalized feature level is
// outside what the broker supports), duplicate_broker_registration (another broker than this
// node's). After a crash of the broker (`previous_broker_epoch` is not its last epoch) the leader
// epoch of every partition that it leads goes up, so that clients notice that the log's tail may
// have been lost.
Outcome<protocol::BrokerRegistrationResponse> register_broker(
    const Context& context, const protocol::BrokerRegistrationRequest& request);

// broker_id_not_registered, stale_broker_epoch. Partitions in log directories that the broker calls
// offline lose their leader until the directory is back, or they are assigned to another one
// (KIP-858).
Outcome<protocol::BrokerHeartbeatResponse> broker_heartbeat(
    const Context& context, const protocol::BrokerHeartbeatRequest& request);

// Per partition: unknown_topic_or_partition, election_not_needed (left out when all partitions were
// asked for), preferred_leader_not_available, eligible_leaders_not_available; for all:
// invalid_request (unknown election type).
Outcome<protocol::ElectLeadersResponse> elect_leaders(const Context& context,
                                                      const protocol::ElectLeadersRequest& request);

// broker_id_not_registered, stale_broker_epoch; per partition: unknown_topic_id,
// unknown_topic_or_partition, not_leader_or_follower (no replica on that broker).
Outcome<protocol::AssignReplicasToDirsResponse> assign_replicas_to_dirs(
    const Context& context, const protocol::AssignReplicasToDirsRequest& request);

// broker_id_not_registered, stale_broker_epoch, unknown_server_error (no ids left).
Outcome<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
    const Context& context, const protocol::AllocateProducerIdsRequest& request);

}  // namespace millrace::controller
