// How Kafka's console consumers write records: the formatters by the names of Java's classes, told
// by the same properties. Pure.
// Kafka: org.apache.kafka.common.MessageFormatter.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "cli/kafka/properties.h"
#include "protocol/record_batch.h"

namespace millrace::cli::kafka {

// A record that was consumed; all views.
struct ConsumedRecord {
    const TopicPartition& place;
    const protocol::RecordView& record;
    protocol::TimestampType timestamp_type = protocol::TimestampType::create_time;
    std::optional<int16_t> deliveries;  // of a share consumer: how often it was given out
};

class Formatter {
public:
    virtual ~Formatter() = default;
    // Appends what is to be shown, which may be nothing. Errors: invalid_request, what Java throws
    // about the record; what was written until then stays.
    virtual Result<void> write(const ConsumedRecord& record, std::string& out) const = 0;
};

struct MadeFormatter {
    std::unique_ptr<const Formatter> formatter;  // null: there is no such class
    std::vector<std::string> complaints;         // about deserializers that are not used
};
constexpr std::string_view kDefaultFormatter =
    "org.apache.kafka.tools.consumer.DefaultMessageFormatter";
MadeFormatter make_formatter(std::string_view class_name, const Properties& properties);

// Of the coordinators' logs, as JSON; null: `simple_name` is none of them.
std::unique_ptr<const Formatter> make_coordinator_formatter(std::string_view simple_name);

}  // namespace millrace::cli::kafka
