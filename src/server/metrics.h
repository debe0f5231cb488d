// What a node tells about itself on /metrics (Prometheus): requests, bytes, partitions, groups and
// their lag.
//
//   const metrics::Snapshot now = co_await collect_metrics({...});
//
// Loop: the shard's, as for all that it reads. The names and what they mean: docs/metrics.md.
// Bound: series of single partitions are given for the first kPartitionSeriesMax open ones, lags
// for as many offsets; what is left out is counted in millrace_metrics_left_out.
#pragma once

#include "base/metrics.h"
#include "broker/broker.h"
#include "net/http_server.h"
#include "net/server.h"
#include "storage/cleaner.h"

namespace millrace::server {

constexpr size_t kPartitionSeriesMax = 20'000;

struct MetricsSources {
    broker::Broker& broker;
    const net::Server& server;
    const storage::LogManager& logs;
    const storage::Cleaner& cleaner;
};

// `sources` must outlive the task.
runtime::Task<metrics::Snapshot> collect_metrics(MetricsSources sources);

// /metrics and /health.
void add_pages(net::HttpServer& http, MetricsSources sources);

}  // namespace millrace::server
