#include "cli/kafka/perf_reading.h"

#include <algorithm>

namespace millrace::cli::kafka {

Result<PerfReading> PerfReading::read(const Arguments& arguments) {
    using ms = std::chrono::milliseconds;
    PerfReading out;
    TRY(const auto records, arguments.long_number("num-records"));
    TRY(const auto messages, arguments.long_number("messages"));
    out.records = records ? *records : messages.value_or(0);
    TRY(const auto timeout, arguments.long_number("timeout"));
    if (timeout) out.patience = ms(*timeout);
    TRY(const auto interval, arguments.long_number("reporting-interval"));
    if (interval) out.interval = ms(*interval);
    if (out.interval <= ms(0))
        return fail(ErrorCode::invalid_request, "Reporting interval must be greater than 0.");
    out.detailed = arguments.has("show-detailed-stats");
    out.metrics = arguments.has("print-metrics");
    TRY(const auto format, arguments.value("date-format"));
    if (format) out.date_format = *format;
    return out;
}

std::optional<std::string> reading_misuse(const Arguments& arguments,
                                          std::span<const std::string_view> topics) {
    if (auto missing = missing_argument(arguments, {"bootstrap-server"})) return missing;
    const auto one_of = [&](std::span<const std::string_view> names) -> std::optional<std::string> {
        const auto given =
            std::ranges::count_if(names, [&](auto name) { return arguments.has(name); });
        if (given == 1) return std::nullopt;
        return fmt::format("Exactly one of the following arguments is required: [{}]",
                           fmt::join(names, "], ["));
    };
    if (topics.size() == 1) {
        if (auto missing = missing_argument(arguments, {topics[0]})) return missing;
    } else if (auto wrong = one_of(topics)) {
        return wrong;
    }
    constexpr std::string_view kCounts[] = {"messages", "num-records"};
    if (auto wrong = one_of(kCounts)) return wrong;
    return clash(arguments, "consumer.config", {"command-config"});
}

void warn_of_old_names(const Console& console, const Arguments& arguments) {
    for (const auto& [old, now] :
         {std::pair{"messages", "num-records"}, std::pair{"consumer.config", "command-config"}})
        if (arguments.has(old))
            console.line(fmt::format("Warning: --{} is deprecated. Use --{} instead.", old, now));
}

Result<Properties> reading_properties(const Arguments& arguments, std::string_view fetch_size,
                                      std::string_view client_id) {
    TRY(Properties out,
        read_properties(arguments,
                        arguments.has("consumer.config") ? "consumer.config" : "command-config",
                        "command-property"));
    TRY(const auto servers, arguments.value("bootstrap-server"));
    TRY(const auto fetch, arguments.number("fetch-size"));
    TRY_OK(arguments.number("socket-buffer-size"));
    out.set("bootstrap.servers", *servers);
    out.set(std::string{fetch_size}, fmt::to_string(fetch.value_or(1024 * 1024)));
    out.set("check.crcs", "false");
    if (!out.has("client.id")) out.set("client.id", std::string{client_id});
    return out;
}

}  // namespace millrace::cli::kafka
