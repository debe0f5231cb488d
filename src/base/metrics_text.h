// Metrics as Prometheus reads them: the text exposition format, version 0.0.4.
#pragma once

#include <string>

#include "base/metrics.h"

namespace millrace::metrics {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// Families by name, each with its HELP and TYPE, then its samples. A histogram's buckets are
// cumulative up to le="+Inf".
std::string to_prometheus(const Snapshot& snapshot);

}  // namespace millrace::metrics
