// Records of the metadata log and of its snapshots, and those of the remote log metadata topic,
// which share the frame: uvarint frame version (1), uvarint record type, uvarint record version,
// body. Both have no record key.
// Kafka: MetadataRecordSerde, AbstractApiMessageSerde.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/result.h"
#include "protocol/codec.h"
#include "protocol/metadata_records.h"    // MetadataRecord, the variant of all of them
#include "protocol/remote_log_records.h"  // RemoteLogRecord

namespace millrace::protocol {

// The frame of a record value, opened.
struct RecordFrame {
    uint32_t type;
    int16_t version;
    ByteView body;
};
// ErrorCode::malformed; ErrorCode::unsupported_version for another frame version.
Result<RecordFrame> open_record_frame(ByteView value);
// Writes what stands before the body.
void write_record_frame(Writer& out, int16_t type, int16_t version);

// `record` is one of the record structs (TopicRecord, ...).
template <typename M>
Result<std::vector<uint8_t>> encode_metadata_record(const M& record, int16_t version) {
    Writer out;
    write_record_frame(out, M::kRecordKey, version);
    TRY_OK(encode(record, version, out));
    return out.take_bytes();
}
Result<std::vector<uint8_t>> encode_metadata_record(const MetadataRecord& record, int16_t version);

// The record borrows from `value`. ErrorCode::unsupported_version: an unknown type or version,
// which a reader of the metadata log must not pass over; ErrorCode::malformed: also when bytes are
// left over.
Result<MetadataRecord> decode_metadata_record(ByteView value);
Result<RemoteLogRecord> decode_remote_log_record(ByteView value);

}  // namespace millrace::protocol
