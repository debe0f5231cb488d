// An image as records: what a snapshot file holds. Applying them to an empty image gives the same
// image again.
//
// Order: features (metadata.version first), brokers, controllers, topics with their partitions,
// configs, quotas, producer ids, ACLs, SCRAM credentials, delegation tokens. Equal images give
// equal records in equal order. Kafka: MetadataImage.write, ImageWriter.
#pragma once

#include <functional>

#include "base/result.h"
#include "metadata/image.h"
#include "protocol/metadata_record.h"

namespace millrace::metadata {

using RecordSink = std::function<Result<void>(const protocol::MetadataRecord&)>;

// Stops at the sink's first error.
Result<void> write_records(const Image& image, const RecordSink& sink);

// The version to write a record at, at a metadata.version: what that level's readers know, and for
// BrokerRegistrationChangeRecord the lowest that carries the change.
int16_t record_version(const protocol::MetadataRecord& record, int16_t metadata_version);

// The finalized metadata.version; while there is none yet (before the bootstrap records), the
// latest.
int16_t metadata_version(const Image& image);

}  // namespace millrace::metadata
