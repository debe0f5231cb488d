// Metrics as telemetry carries them: a MetricsData message of OpenTelemetry's protocol (OTLP v1).
//
//   MetricsData                1 ResourceMetrics
//   ResourceMetrics            1 Resource  2 ScopeMetrics
//   Resource                   1 KeyValue...
//   ScopeMetrics               2 Metric...
//   Metric                     1 name  5 Gauge or 7 Sum
//   Gauge                      1 NumberDataPoint
//   Sum                        1 NumberDataPoint  2 temporality (1 delta, 2 cumulative)  3 monotonic
//   NumberDataPoint            2 start, ns  3 time, ns  4 double  7 KeyValue...
//   KeyValue                   1 key  2 AnyValue{1 string}
#pragma once

#include <map>
#include <span>

#include "client/metrics/metric.h"

namespace millrace::client {

struct OtlpFrame {
    std::map<std::string, std::string> resource;  // labels of the whole
    TimestampMs from = 0;                         // what counters count since
    TimestampMs at = 0;
    bool delta = false;  // counters are what was added since `from`
};

// Metrics that are numbers.
std::vector<uint8_t> encode_otlp(std::span<const Metric> metrics, const OtlpFrame& frame);

}  // namespace millrace::client
