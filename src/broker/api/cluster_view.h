// Pieces that several metadata answers share.
#pragma once

#include "broker/broker.h"

namespace millrace::broker::api {

// What an unauthenticated client may do, as a bit for each AclOperation: without an authorizer
// everything that makes sense for the resource.
// Kafka: AclEntry.supportedOperations.
//
// topic: read, write, create, delete, alter, describe, describe and alter configs
constexpr int32_t kTopicOperations = 0b0000'1101'1111'1000;
// cluster: create, alter, describe, cluster action, describe and alter configs, idempotent write
constexpr int32_t kClusterOperations = 0b0001'1111'1010'0000;
// group: read, delete, describe, describe and alter configs
constexpr int32_t kGroupOperations = 0b0000'1101'0100'1000;
constexpr int32_t kOperationsNotAsked = INT32_MIN;

// Topic names Kafka accepts: 1 to 249 of [a-zA-Z0-9._-], not "." or "..".
bool valid_topic_name(std::string_view name);
// Replicas whose broker is gone or fenced.
std::vector<int32_t> offline_replicas(const metadata::Image& image,
                                      const metadata::Partition& partition);
// The leader if its broker is up, else -1.
NodeId available_leader(const metadata::Image& image, const metadata::Partition& partition);
std::vector<int32_t> to_vector(const metadata::NodeList& nodes);
// As Metadata and DescribeCluster answer: the lowest live broker id, since clients only use it to
// send admin requests somewhere.
NodeId controller_for_clients(const metadata::Image& image);

}  // namespace millrace::broker::api
