#include "cli/kafka/formatter.h"

#include "cli/kafka/deserializers.h"

namespace millrace::cli::kafka {
namespace {

// Columns with a separator between them, and one at the end of a record that has any.
class DefaultFormatter final : public Formatter {
public:
    DefaultFormatter(const Properties& properties, std::vector<std::string>& complaints)
        : timestamp_(properties.is_true("print.timestamp")),
          partition_(properties.is_true("print.partition")),
          offset_(properties.is_true("print.offset")),
          deliveries_(properties.is_true("print.delivery")),
          epoch_(properties.is_true("print.epoch")),
          headers_(properties.is_true("print.headers")),
          key_(properties.is_true("print.key")),
          value_(properties.is_true("print.value", true)),
          column_separator_(properties.get("key.separator", "\t")),
          line_separator_(properties.get("line.separator", "\n")),
          header_separator_(properties.get("headers.separator", ",")),
          null_(properties.get("null.literal", "null")),
          of_key_(deserializer(properties, "key.deserializer", complaints)),
          of_value_(deserializer(properties, "value.deserializer", complaints)),
          of_header_(deserializer(properties, "headers.deserializer", complaints)) {}

    Result<void> write(const ConsumedRecord& consumed, std::string& out) const override {
        const protocol::RecordView& record = consumed.record;
        bool first = true;
        const auto column = [&] {
            if (!first) out += column_separator_;
            first = false;
        };
        if (timestamp_) {
            column();
            put_time(consumed, out);
        }
        if (partition_) {
            column();
            out += fmt::format("Partition:{}", consumed.place.partition);
        }
        if (offset_) {
            column();
            out += fmt::format("Offset:{}", record.offset);
        }
        if (deliveries_) {
            column();
            out += consumed.deliveries ? fmt::format("Delivery:{}", *consumed.deliveries)
                                       : "Delivery:NOT_PRESENT";
        }
        // Kafka's consoles do not hand the epoch on to their formatters.
        if (epoch_) {
            column();
            out += "Epoch:NOT_PRESENT";
        }
        if (headers_) {
            column();
            TRY_OK(put_headers(record, out));
        }
        if (key_) {
            column();
            TRY_OK(put(of_key_, record.key, out));
        }
        if (value_) {
            column();
            TRY_OK(put(of_value_, record.value, out));
        }
        if (!first) out += line_separator_;
        return {};
    }

private:
    static Deserializer deserializer(const Properties& properties, std::string_view name,
                                     std::vector<std::string>& complaints) {
        const auto class_name = properties.find(name);
        if (!class_name || class_name->empty()) return nullptr;
        const Deserializer found = find_deserializer(*class_name);
        if (!found)
            complaints.push_back(
                fmt::format("Unable to instantiate a deserializer from {}", *class_name));
        return found;
    }

    static void put_time(const ConsumedRecord& consumed, std::string& out) {
        const bool appended = consumed.timestamp_type == protocol::TimestampType::log_append_time;
        const TimestampMs time = consumed.record.timestamp;
        if (time < 0)
            out += "NO_TIMESTAMP";
        else
            out += fmt::format("{}:{}", appended ? "LogAppendTime" : "CreateTime", time);
    }

    // A deserializer is given the word for nothing, too.
    Result<void> put(Deserializer deserializer, std::optional<ByteView> bytes,
                     std::string& out) const {
        const ByteView shown = bytes.value_or(as_bytes(null_));
        if (deserializer) return deserializer(shown, out);
        out += as_text(shown);
        return {};
    }

    Result<void> put_headers(const protocol::RecordView& record, std::string& out) const {
        bool first = true;
        for (const protocol::RecordHeader& header : record.headers) {
            if (!first) out += header_separator_;
            first = false;
            out += header.key;
            out += ':';
            TRY_OK(put(of_header_, header.value, out));
        }
        if (first) out += "NO_HEADERS";
        return {};
    }

    const bool timestamp_;
    const bool partition_;
    const bool offset_;
    const bool deliveries_;
    const bool epoch_;
    const bool headers_;
    const bool key_;
    const bool value_;
    const std::string column_separator_;
    const std::string line_separator_;
    const std::string header_separator_;
    const std::string null_;
    const Deserializer of_key_;
    const Deserializer of_value_;
    const Deserializer of_header_;
};

class NoFormatter final : public Formatter {
    Result<void> write(const ConsumedRecord&, std::string&) const override { return {}; }
};

}  // namespace

MadeFormatter make_formatter(std::string_view class_name, const Properties& properties) {
    constexpr std::string_view kPackage = "org.apache.kafka.tools.consumer.";
    MadeFormatter out;
    if (!class_name.starts_with(kPackage)) return out;
    const std::string_view name = class_name.substr(kPackage.size());
    // The logging one also tells a log, which is nowhere to be seen unless it is asked for.
    if (name == "DefaultMessageFormatter" || name == "LoggingMessageFormatter")
        out.formatter = std::make_unique<DefaultFormatter>(properties, out.complaints);
    else if (name == "NoOpMessageFormatter")
        out.formatter = std::make_unique<NoFormatter>();
    else
        out.formatter = make_coordinator_formatter(name);
    return out;
}

}  // namespace millrace::cli::kafka
