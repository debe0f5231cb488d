// What kafka-consumer-perf-test and kafka-share-consumer-perf-test are told in the same way.
#pragma once

#include "cli/kafka/joptsimple.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {

constexpr auto kReadingOptions = std::to_array<Option>({
    kBootstrapServer,
    {"topic", Takes::value, "topic", "What to read."},
    {"num-records", Takes::value, "count", "How many records to read."},
    {"messages", Takes::value, "count", "Old name of --num-records."},
    {"fetch-size", Takes::value, "bytes", "Of records in one answer (default: 1048576)."},
    {"socket-buffer-size", Takes::value, "bytes", "Taken for old scripts' sake."},
    {"timeout", Takes::maybe_value, "ms", "End when nothing came for so long (default: 10000)."},
    {"reporting-interval", Takes::value, "ms", "Between details (default: 5000)."},
    {"date-format", Takes::value, "pattern", "Of times (default: yyyy-MM-dd HH:mm:ss:SSS)."},
    {"hide-header", Takes::nothing, "", "Without the names of the columns."},
    {"print-metrics", Takes::nothing, "", "At the end what the client knows about itself."},
    {"command-property", Takes::value, "name=value", "A property of the consumer."},
    {"command-config", Takes::value, "file", "A file with consumer properties."},
    {"consumer.config", Takes::value, "file", "Old name of --command-config."},
    kHelp,
    kVersion,
});

struct PerfReading {
    int64_t records = 0;
    Duration patience = std::chrono::seconds(10);  // after the last record
    Duration interval = std::chrono::seconds(5);   // > 0
    bool detailed = false;
    bool metrics = false;
    std::string date_format = "yyyy-MM-dd HH:mm:ss:SSS";

    // invalid_request: a value that is none.
    static Result<PerfReading> read(const Arguments& arguments);
};

// What is wrong with the options above, as a sentence. `topics`: those of which one is needed.
std::optional<std::string> reading_misuse(const Arguments& arguments,
                                          std::span<const std::string_view> topics);
// On standard output, of names that have another one now.
void warn_of_old_names(const Console& console, const Arguments& arguments);

// The consumer's: of the file, the pairs, and what both tools set. `fetch_size` is the property
// that --fetch-size is for. Errors: not_found, malformed, invalid_request.
Result<Properties> reading_properties(const Arguments& arguments, std::string_view fetch_size,
                                      std::string_view client_id);

}  // namespace millrace::cli::kafka
