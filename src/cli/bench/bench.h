// `millrace bench`: what one measurement is told, and what it found. Each runs the clients of
// src/client on one loop, in one task.
#pragma once

#include <functional>
#include <string>

#include "base/metrics.h"
#include "client/settings.h"
#include "runtime/context.h"

namespace millrace::cli::bench {

struct Load {
    client::Settings settings;  // of the clients, bootstrap.servers among them
    std::string topic;          // is there
    uint64_t records = 1'000'000;
    size_t size = 100;          // bytes of a value, at least 8
    uint64_t keys = 0;          // so many different ones; 0: records have none
    double rate = 0;            // records a second; 0: as fast as possible
    uint64_t per_commit = 100;  // records of a transaction
};

struct Found {
    uint64_t records = 0;
    uint64_t bytes = 0;  // of values
    Duration took{};
    // Nanoseconds. Of a record from send() to its acknowledgement (each 16th), or, end to end, from
    // when it was due to when it was read; of a transaction from its begin to its end.
    metrics::Histogram latency;
    double seconds() const { return std::chrono::duration<double>(took).count(); }
};

// What is told from time to time while it runs: records so far.
using Progress = std::function<void(uint64_t records)>;

using Measure = runtime::Task<Result<Found>> (*)(runtime::Context, const Load&, const Progress&);
runtime::Task<Result<Found>> produce(runtime::Context context, const Load& load,
                                     const Progress& progress);
// Everything that the topic has, `records` at most.
runtime::Task<Result<Found>> consume(runtime::Context context, const Load& load,
                                     const Progress& progress);
// A producer at `rate` without linger, and a reader beside it.
runtime::Task<Result<Found>> end_to_end(runtime::Context context, const Load& load,
                                        const Progress& progress);
runtime::Task<Result<Found>> transactions(runtime::Context context, const Load& load,
                                          const Progress& progress);

}  // namespace millrace::cli::bench
