#include "client/metrics/metric.h"

#include <algorithm>

namespace millrace::client {

const Metric* MetricList::find(std::string_view group, std::string_view name) const {
    const auto found = std::ranges::find_if(
        metrics_, [&](const Metric& m) { return m.group == group && m.name == name; });
    return found == metrics_.end() ? nullptr : &*found;
}

std::string telemetry_name(const Metric& metric) {
    constexpr std::string_view kSuffix = "-metrics";
    std::string_view group = metric.group;
    if (group.ends_with(kSuffix)) group.remove_suffix(kSuffix.size());
    std::string out = "org.apache.kafka.";
    out += group;
    out += '.';
    out += metric.name;
    std::ranges::replace(out, '-', '.');
    return out;
}

}  // namespace millrace::client
