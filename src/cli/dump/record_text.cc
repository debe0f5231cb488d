#include "cli/dump/record_text.h"

#include "base/utf8.h"
#include "protocol/control_record.h"
#include "protocol/coordinator_record.h"
#include "protocol/json.h"
#include "protocol/metadata_record.h"
#include "protocol/records/consumer_protocol_assignment.h"
#include "protocol/records/consumer_protocol_subscription.h"
#include "protocol/records/k_raft_version_record.h"
#include "protocol/records/leader_change_message.h"
#include "protocol/records/snapshot_footer_record.h"
#include "protocol/records/snapshot_header_record.h"
#include "protocol/records/voters_record.h"

namespace millrace::cli {
namespace {

using protocol::to_json;

template <typename M>
std::string json_of(const M& m, int16_t version) {
    return to_json(m, version, protocol::Secrets::shown);
}

// TopicRecord -> TOPIC_RECORD
std::string record_type_name(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !out.empty()) out += '_';
        out += upper ? c : static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

RecordText metadata_text(const protocol::RecordView& record) {
    const ByteView value = record.value.value_or(ByteView{});
    const auto skipped = [&](std::string_view why) {
        return RecordText{.payload = fmt::format("Error at {}, skipping. {}", record.offset, why)};
    };
    const auto frame = protocol::open_record_frame(value);
    if (!frame) {
        if (!value.empty() && value[0] != 1 && value[0] < 0x80)
            return skipped(
                fmt::format("Could not deserialize metadata record due to unknown frame "
                            "version {}(only frame version 1 is supported)",
                            value[0]));
        return skipped(frame.error().message);
    }
    const auto decoded = protocol::decode_metadata_record(value);
    if (!decoded) return skipped(decoded.error().message);
    return std::visit(
        [&]<typename M>(const M& m) {
            return RecordText{.payload = fmt::format(R"({{"type":"{}","version":{},"data":{}}})",
                                                     record_type_name(M::kName), frame->version,
                                                     json_of(m, frame->version))};
        },
        *decoded);
}

// Replaces the base64 of the consumer protocol's structures, which is all that a `name` holds in
// this JSON, by what they say.
template <typename M>
void open_embedded(std::string& json, std::string_view name, ByteView bytes, size_t& from) {
    const std::string key = fmt::format("\"{}\":", name);
    const size_t at = json.find(key, from);
    if (at == std::string::npos) return;
    const size_t begin = at + key.size();
    from = begin;
    const auto inner = protocol::decode_versioned<M>(bytes, protocol::Newer::read_as_latest);
    if (!inner) return;
    const int16_t version = std::min(load_be<int16_t>(bytes.data()), M::kVersionMax);
    const std::string text = json_of(*inner, version);
    const size_t end = json[begin] == '"' ? json.find('"', begin + 1) + 1 : begin + 4;
    json.replace(begin, end - begin, text);
    from = begin + text.size();
}

std::string opened_json(const protocol::GroupMetadataValue& value, int16_t version) {
    std::string json = json_of(value, version);
    if (std::string_view{value.protocol_type} != "consumer") return json;
    size_t from = json.find("\"members\":");
    for (const auto& member : value.members) {
        open_embedded<protocol::ConsumerProtocolSubscription>(json, "subscription",
                                                              member.subscription, from);
        open_embedded<protocol::ConsumerProtocolAssignment>(json, "assignment", member.assignment,
                                                            from);
    }
    return json;
}
// Kafka prints a structure's fields in the order of its schema; ours come with the tagged ones last.
void move_after(std::string& json, std::string_view name, std::string_view before) {
    const size_t from = json.rfind(fmt::format(",\"{}\":", name));
    const size_t anchor = json.find(fmt::format("\"{}\":", before));
    if (from == std::string::npos || anchor == std::string::npos || from < anchor) return;
    const std::string member = json.substr(from, json.find_first_of(",}", from + 1) - from);
    json.erase(from, member.size());
    json.insert(json.find_first_of(",}", anchor), member);
}

std::string value_json(const protocol::TransactionLogValue& value, int16_t version) {
    std::string json = json_of(value, version);
    move_after(json, "nextProducerEpoch", "producerEpoch");
    move_after(json, "nextProducerId", "producerId");
    move_after(json, "previousProducerId", "producerId");
    return json;
}
std::string value_json(const protocol::ShareSnapshotValue& value, int16_t version) {
    std::string json = json_of(value, version);
    move_after(json, "deliveryCompleteCount", "startOffset");
    return json;
}
std::string value_json(const protocol::ShareUpdateValue& value, int16_t version) {
    std::string json = json_of(value, version);
    move_after(json, "deliveryCompleteCount", "startOffset");
    return json;
}

template <typename M>
std::string value_json(const M& value, int16_t version) {
    return json_of(value, version);
}
template <typename M>
std::string opened_json(const M& value, int16_t version) {
    return value_json(value, version);
}

// Nothing: of a type that is not known.
template <typename Decode>
Result<std::optional<CoordinatorParts>> parts_of(const protocol::RecordView& record, Decode decode,
                                                 bool opened) {
    TRY(const int16_t type, protocol::coordinator_record_type(*record.key));
    TRY(const auto decoded, decode(*record.key, record.value));
    if (!decoded) return std::optional<CoordinatorParts>{};
    CoordinatorParts out{.type = type};
    std::visit([&](const auto& key) { out.key = json_of(key, 0); }, decoded->key);
    if (!decoded->value) return std::optional{std::move(out)};
    out.version = load_be<int16_t>(record.value->data());
    std::visit(
        [&](const auto& value) {
            out.value = opened ? opened_json(value, out.version) : value_json(value, out.version);
        },
        *decoded->value);
    return std::optional{std::move(out)};
}

Result<std::optional<CoordinatorParts>> parts_of(Decoder decoder,
                                                 const protocol::RecordView& record, bool opened) {
    switch (decoder) {
        case Decoder::transactions:
            return parts_of(record, protocol::decode_transaction_record, opened);
        case Decoder::share_state:
            return parts_of(record, protocol::decode_share_record, opened);
        default:
            return parts_of(record, protocol::decode_group_record, opened);
    }
}

RecordText coordinator_text(Decoder decoder, const protocol::RecordView& record) {
    const auto parts = parts_of(decoder, record, true);
    if (!parts)
        return {.key = fmt::format("Error at offset {}, skipping. {}", record.offset,
                                   parts.error().message)};
    if (!*parts) {
        const auto type = protocol::coordinator_record_type(*record.key);
        return {.key = fmt::format("Unknown record type {} at offset {}, skipping.", *type,
                                   record.offset)};
    }
    RecordText out;
    out.key = fmt::format(R"({{"type":"{}","data":{}}})", (*parts)->type, (*parts)->key);
    out.payload = !(*parts)->value ? "<DELETE>"
                                   : fmt::format(R"({{"version":"{}","data":{}}})",
                                                 (*parts)->version, *(*parts)->value);
    return out;
}

template <typename M>
Result<std::string> control_json(std::string_view name, const protocol::RecordView& record) {
    const ByteView value = record.value.value_or(ByteView{});
    if (value.size() < 2) return fail(ErrorCode::malformed, "a control record without a body");
    // The structures begin with their version.
    const int16_t version = std::min(load_be<int16_t>(value.data()), M::kVersionMax);
    TRY(const M body, protocol::decode<M>(value, version));
    return fmt::format(" {} {}", name, json_of(body, version));
}

}  // namespace

Result<RecordText> record_text(Decoder decoder, const protocol::RecordView& record) {
    if (decoder == Decoder::metadata) return metadata_text(record);
    if (decoder == Decoder::text) {
        RecordText out;
        if (record.key) out.key = valid_utf8(as_text(*record.key));
        if (record.value) out.payload = valid_utf8(as_text(*record.value));
        return out;
    }
    if (!record.key)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Failed to decode message at offset {} using the specified decoder "
                                "(message had a missing key)",
                                record.offset));
    return coordinator_text(decoder, record);
}

Result<std::optional<CoordinatorParts>> coordinator_parts(Decoder decoder,
                                                          const protocol::RecordView& record) {
    return parts_of(decoder, record, false);
}

Result<std::string> control_text(const protocol::RecordView& record) {
    using protocol::ControlType;
    TRY(const ControlType type, protocol::decode_control_key(record.key.value_or(ByteView{})));
    switch (type) {
        case ControlType::abort:
        case ControlType::commit: {
            TRY(const int32_t epoch,
                protocol::decode_end_txn_marker(record.value.value_or(ByteView{})));
            return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}",
                               type == ControlType::abort ? "ABORT" : "COMMIT", epoch);
        }
        case ControlType::leader_change:
            return control_json<protocol::LeaderChangeMessage>("LeaderChange:", record);
        case ControlType::snapshot_header:
            return control_json<protocol::SnapshotHeaderRecord>("SnapshotHeader", record);
        case ControlType::snapshot_footer:
            return control_json<protocol::SnapshotFooterRecord>("SnapshotFooter", record);
        case ControlType::kraft_version:
            return control_json<protocol::KRaftVersionRecord>("KRaftVersion", record);
        case ControlType::kraft_voters:
            return control_json<protocol::VotersRecord>("KRaftVoters", record);
    }
    return fmt::format(" controlType: UNKNOWN({})", static_cast<int16_t>(type));
}

}  // namespace millrace::cli
