// The lines of kafka-verifiable-producer and -consumer: an event each, as JSON. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "cli/output/table.h"

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

}  // namespace millrace::cli::kafka
