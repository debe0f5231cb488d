// The lines of kafka-verifiable-producer, -consumer and -share-consumer: an event each, as JSON.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "cli/output/table.h"
#include "client/record_batch.h"

namespace millrace::cli::kafka {

// "null" for nothing.
inline std::string json_or_null(const std::optional<std::string>& text) {
    return text ? json_string(*text) : "null";
}

// `fields` is the inside of an object; "" for none.
inline std::string event_line(TimestampMs now, std::string_view name,
                              std::string_view fields = {}) {
    return fmt::format(R"({{"timestamp":{},"name":"{}"{}{}}})", now, name,
                       fields.empty() ? "" : ",", fields);
}

// The inside of "record_data".
inline std::string record_fields(const TopicPartition& place, const client::RecordView& record) {
    const auto text = [](const std::optional<ByteView>& bytes) {
        return bytes ? std::optional{std::string{as_text(*bytes)}} : std::nullopt;
    };
    return fmt::format(R"("key":{},"value":{},"topic":{},"partition":{},"offset":{})",
                       json_or_null(text(record.key)), json_or_null(text(record.value)),
                       json_string(place.topic), place.partition, record.offset);
}

}  // namespace millrace::cli::kafka
