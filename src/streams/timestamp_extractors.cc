#include "streams/timestamp_extractors.h"

#include "streams/errors.h"

namespace millrace::streams {
namespace {

std::string where(const RecordContext& context) {
    return fmt::format("{}-{} at offset {}", context.topic, context.partition, context.offset);
}

}  // namespace

TimestampExtractor fail_on_invalid_timestamp() {
    return [](const SourceRecord& record, TimestampMs) {
        if (record.context.timestamp >= 0) return record.context.timestamp;
        throw StreamsException(fmt::format(
            "the record of {} has the negative timestamp {}: give its source another timestamp "
            "extractor to process it",
            where(record.context), record.context.timestamp));
    };
}

TimestampExtractor log_and_skip_on_invalid_timestamp() {
    return [](const SourceRecord& record, TimestampMs) { return record.context.timestamp; };
}

TimestampExtractor use_partition_time_on_invalid_timestamp() {
    return [](const SourceRecord& record, TimestampMs partition_time) {
        if (record.context.timestamp >= 0) return record.context.timestamp;
        if (partition_time >= 0) return partition_time;
        throw StreamsException(fmt::format(
            "the record of {} has no valid timestamp, and none came before it in its partition",
            where(record.context)));
    };
}

}  // namespace millrace::streams
