#include "protocol/metadata_record.h"

#include <fmt/format.h>

#include "base/varint.h"

namespace millrace::protocol {

namespace {

constexpr uint32_t kFrameVersion = 1;

// Tries the alternatives of the variant from the first on.
template <typename Variant, size_t I = 0>
Result<Variant> decode_as(RecordFrame frame) {
    if constexpr (I == std::variant_size_v<Variant>) {
        return fail(ErrorCode::unsupported_version,
                    fmt::format("unknown record type {}", frame.type));
    } else {
        using M = std::variant_alternative_t<I, Variant>;
        if (frame.type != static_cast<uint32_t>(M::kRecordKey))
            return decode_as<Variant, I + 1>(frame);
        TRY(M record, decode_prefix<M>(frame.body, frame.version));
        if (!frame.body.empty())
            return fail(ErrorCode::malformed, fmt::format("{} has bytes left over", M::kName));
        return Variant(std::move(record));
    }
}

}  // namespace

Result<RecordFrame> open_record_frame(ByteView value) {
    const uint8_t* p = value.data();
    const uint8_t* end = p + value.size();
    uint32_t numbers[3] = {};
    for (uint32_t& n : numbers) {
        p = read_uvarint32(p, end, n);
        if (p == nullptr) return fail(ErrorCode::malformed, "record frame is cut short");
    }
    const auto [frame_version, type, version] = numbers;
    if (frame_version != kFrameVersion) {
        return fail(ErrorCode::unsupported_version,
                    fmt::format("record frame version {}", frame_version));
    }
    if (version > INT16_MAX)
        return fail(ErrorCode::unsupported_version, fmt::format("record version {}", version));
    return RecordFrame{type, static_cast<int16_t>(version), ByteView(p, end)};
}

void write_record_frame(Writer& out, int16_t type, int16_t version) {
    out.uvarint(kFrameVersion);
    out.uvarint(static_cast<uint64_t>(type));
    out.uvarint(static_cast<uint64_t>(version));
}

Result<std::vector<uint8_t>> encode_metadata_record(const MetadataRecord& record, int16_t version) {
    return std::visit([&](const auto& m) { return encode_metadata_record(m, version); }, record);
}

Result<MetadataRecord> decode_metadata_record(ByteView value) {
    TRY(const RecordFrame frame, open_record_frame(value));
    return decode_as<MetadataRecord>(frame);
}

Result<RemoteLogRecord> decode_remote_log_record(ByteView value) {
    TRY(const RecordFrame frame, open_record_frame(value));
    return decode_as<RemoteLogRecord>(frame);
}

}  // namespace millrace::protocol
