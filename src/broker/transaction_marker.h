// Markers: how a transaction ends in one partition.
//
// Loop: the shard's. Kafka: ReplicaManager.appendRecords of markers.
#pragma once

#include "broker/partition.h"
#include "coordinator/record.h"
#include "runtime/loop.h"

namespace millrace::broker {

// Appends the marker and makes it readable; its offset. Waits for the disk where the topic asks for
// it. Errors: unknown_topic_or_partition, invalid_producer_epoch, transaction_coordinator_fenced,
// kafka_storage_error.
runtime::Task<Result<Offset>> append_marker(runtime::Loop& loop, PartitionPtr partition,
                                            coordinator::Marker marker);

}  // namespace millrace::broker
