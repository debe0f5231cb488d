// How kafka-producer-perf-test counts: records, their bytes and how long each took. Pure.
// Kafka: ProducerPerformance.Stats.
#pragma once

#include <string>
#include <vector>

#include "base/units.h"

namespace millrace::cli::kafka {

class PerfStats {
public:
    // Of `records` in all, beginning at `now_ms`. With `steady`, the lines say so.
    PerfStats(int64_t records, int64_t now_ms, int64_t interval_ms, bool steady);

    // A record of so many bytes arrived, so long after it was sent. Returns a line about the
    // interval that is over; "" when none is.
    std::string record(int64_t latency_ms, size_t bytes, int64_t now_ms);
    // The line about all of it.
    std::string total(int64_t now_ms);

private:
    struct Sum {
        int64_t began_ms = 0;
        int64_t count = 0;
        int64_t bytes = 0;
        int64_t latency = 0;
        int64_t latency_max = 0;
        void add(int64_t ms, size_t size);
        double per_second(double amount, int64_t now_ms) const;
        double latency_avg() const;
    };

    // At most so many latencies are kept: each n-th.
    static constexpr int64_t kSamplesMax = 500'000;
    const int64_t sample_every_;
    const int64_t interval_ms_;
    const bool steady_;
    Sum all_;
    Sum interval_;
    std::vector<int32_t> samples_;
};

}  // namespace millrace::cli::kafka
