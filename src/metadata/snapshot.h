// An image as records: what a snapshot file holds. Applying them to an empty image gives the same
// image again.
//
// Order: features (metadata.version first), brokers, controllers, topics with their partitions,
// configs, quotas, producer ids, ACLs, SCRAM credentials, delegation tokens. Equal images give
// equal records in equal order.
// Kafka: MetadataImage.write, ImageWriter.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "metadata/image.h"
#include "protocol/metadata_record.h"

namespace millrace::metadata {

using RecordSink = std::function<Result<void>(const protocol::MetadataRecord&)>;

// The records part by part, so that a large image can be written while others run.
class ImageWriter {
public:
    explicit ImageWriter(ImagePtr image);
    // Gives the next part to the sink: one topic, one resource's configs, or all of several small
    // sections. False when nothing is left. Stops at the sink's first error.
    Result<bool> next(const RecordSink& sink);

private:
    enum class Section : uint8_t { cluster, topics, configs, rest, done };

    ImagePtr image_;
    Section section_ = Section::cluster;
    size_t at_ = 0;
    std::vector<TopicPtr> topics_;  // by name
    std::vector<std::shared_ptr<const ResourceConfig>> configs_;
};

// All of it at once.
Result<void> write_records(const ImagePtr& image, const RecordSink& sink);

// The version to write a record at, at a metadata.version: what that level's readers know, and for
// BrokerRegistrationChangeRecord the lowest that carries the change.
int16_t record_version(const protocol::MetadataRecord& record, int16_t metadata_version);

// The finalized metadata.version; while there is none yet (before the bootstrap records), the
// latest.
int16_t metadata_version(const Image& image);

}  // namespace millrace::metadata
