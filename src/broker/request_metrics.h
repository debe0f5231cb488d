// What the broker counts about requests: for each API how many, how many failed, bytes in and out,
// and how long they took.
//
// Owner: server. Loop: the shard's. Read by the metrics endpoint (server/metrics.h) on the same
// loop.
// Kafka: RequestMetrics, BrokerTopicMetrics.
#pragma once

#include <array>
#include <cstdint>

#include "base/metrics.h"

namespace millrace::broker {

constexpr size_t kApiKeysMax = 96;

struct ApiMetrics {
    uint64_t requests = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    metrics::Histogram time;  // nanoseconds
};

struct RequestMetrics {
    std::array<ApiMetrics, kApiKeysMax> apis;
    uint64_t refused_frames = 0;  // malformed, of an unknown API or version
    uint64_t produced_bytes = 0;
    uint64_t produced_batches = 0;
    uint64_t fetched_bytes = 0;
};

}  // namespace millrace::broker
