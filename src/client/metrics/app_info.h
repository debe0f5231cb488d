// Which client this is.
//
// Owner: Cluster, whose making is the client's beginning. Kafka: AppInfoParser.
#pragma once

#include <string_view>

#include "client/metrics/metric.h"

namespace millrace::client {

std::string_view client_version();
// The commit that it was built of; "unknown" where the build does not know.
std::string_view client_commit();

// Group "app-info".
void add_app_info(MetricList& out, TimestampMs began);

}  // namespace millrace::client
