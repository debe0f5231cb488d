// The hash by which a group of the consumer protocol notices that its topics changed
// (ConsumerGroupMetadataValue.MetadataHash). The same number as Kafka's, so that a log changes
// hands without a rebalance: XXH3 (64 bits) of
//
//   a topic   byte 0 | id high | id low | name | int32 partitions | for each partition: int32
//             index, for each rack in order: int32 length, rack
//   a group   the hashes of its topics in the order of their names; 0 without topics
//
// Numbers little-endian; a text is its UTF-16 units, then int32 their count.
// Kafka: group.Utils.computeTopicHash, computeGroupHash (KIP-1101).
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "group/cluster_view.h"

namespace millrace::group {

// Names that do not exist count as nothing.
int64_t metadata_hash(const std::set<std::string, std::less<>>& topics, const ClusterView& cluster);

}  // namespace millrace::group
