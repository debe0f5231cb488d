// How a store's values stand in its bytes.
//
//   timestamped store: timestamp (8) · value; in the changelog the value alone
//   any other:         value
//
// Kafka: ValueAndTimestampSerializer.
#pragma once

#include "streams/state/store.h"

namespace millrace::streams {

class ValueFormat {
public:
    ValueFormat() = default;
    ValueFormat(const AnySerde& serde, bool timestamped)
        : serde_(&serde), timestamped_(timestamped) {}

    // Null for null.
    NullableBytes encode(Ref value, TimestampMs timestamp) const {
        if (!value) return std::nullopt;
        NullableBytes bytes(std::in_place);
        if (timestamped_) append_be(*bytes, timestamp);
        serde_->serialize(value, *bytes);
        return bytes;
    }
    NullableBytes encode_restored(NullableView value, TimestampMs timestamp) const {
        if (!value) return std::nullopt;
        NullableBytes bytes(std::in_place);
        if (timestamped_) append_be(*bytes, timestamp);
        *bytes += *value;
        return bytes;
    }
    StoredValue decode(NullableView bytes) const {
        if (!bytes) return {};
        return {deserialize(*serde_, user_value(*bytes)), timestamp_of(*bytes)};
    }
    BytesView user_value(BytesView bytes) const {
        return timestamped_ ? bytes.substr(kTimestamp) : bytes;
    }
    NullableView user_value(NullableView bytes) const {
        return bytes ? NullableView(user_value(*bytes)) : std::nullopt;
    }
    // -1 if the values carry none.
    TimestampMs timestamp_of(BytesView bytes) const {
        return timestamped_ ? read_be<TimestampMs>(bytes) : -1;
    }
    // What the changelog's record gets: the value's own time, or else that of the record that is
    // being processed; none outside of processing.
    std::optional<TimestampMs> log_timestamp(NullableView bytes, const RecordContext* now) const {
        if (timestamped_ && bytes) return timestamp_of(*bytes);
        if (now) return now->timestamp;
        return std::nullopt;
    }

    static constexpr size_t kTimestamp = 8;

private:
    const AnySerde* serde_ = nullptr;
    bool timestamped_ = false;
};

// Over bytes that keep no timestamps: they read as -1. Kafka: the adapters of plain suppliers.
std::unique_ptr<OrderedBytes> drop_timestamps(std::unique_ptr<OrderedBytes> bytes);

}  // namespace millrace::streams
