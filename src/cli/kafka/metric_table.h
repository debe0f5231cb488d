// What --print-metrics of the kafka-*-perf-test tools prints: a client's metrics, sorted, in two
// columns. Pure. Kafka: ToolsUtils.printMetrics.
#pragma once

#include <string>
#include <string_view>

#include "client/metrics/metric.h"

namespace millrace::cli::kafka {

// Lines that begin with an empty one.
std::string metric_table(std::string_view client_id, const client::MetricList& metrics);

}  // namespace millrace::cli::kafka
