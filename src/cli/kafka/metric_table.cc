#include "cli/kafka/metric_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/kafka/java_format.h"

namespace millrace::cli::kafka {
namespace {

std::string key(std::string_view client_id, const client::Metric& metric) {
    std::string out = fmt::format("{}:{}:{{client-id={}", metric.group, metric.name, client_id);
    for (const auto& [name, value] : metric.tags) out += fmt::format(", {}={}", name, value);
    return out + "}";
}

std::string value(const client::Metric& metric) {
    switch (metric.kind) {
        case client::Metric::Kind::text:
            return metric.text;
        case client::Metric::Kind::whole:
            return fixed(metric.value, 0);
        default:
            return fixed(metric.value, 3);
    }
}

}  // namespace

std::string metric_table(std::string_view client_id, const client::MetricList& metrics) {
    std::map<std::string, std::string> rows;
    size_t width = 0;
    for (const client::Metric& metric : metrics.all()) {
        const auto row = rows.emplace(key(client_id, metric), value(metric)).first;
        width = std::max(width, row->first.size());
    }
    std::string out = fmt::format("\n{:<{}}   Value\n", "Metric Name", width);
    for (const auto& [name, number] : rows)
        out += fmt::format("{:<{}} : {}\n", name, width, number);
    return out;
}

}  // namespace millrace::cli::kafka
