#include <fmt/format.h>

#include <algorithm>

#include "cli/kafka/java_format.h"
#include "cli/kafka/perf_stats.h"

namespace millrace::cli::kafka {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

}  // namespace

PerfStats::PerfStats(int64_t records, int64_t now_ms, int64_t interval_ms, bool steady)
    : sample_every_(std::max<int64_t>(records / kSamplesMax, 1)),
      interval_ms_(interval_ms),
      steady_(steady) {
    all_.began_ms = interval_.began_ms = now_ms;
}

void PerfStats::Sum::add(int64_t ms, size_t size) {
    ++count;
    bytes += static_cast<int64_t>(size);
    latency += ms;
    latency_max = std::max(latency_max, ms);
}

double PerfStats::Sum::per_second(double amount, int64_t now_ms) const {
    return 1000.0 * amount / static_cast<double>(now_ms - began_ms);
}

double PerfStats::Sum::latency_avg() const {
    return static_cast<double>(latency) / static_cast<double>(count);
}

std::string PerfStats::record(int64_t latency_ms, size_t bytes, int64_t now_ms) {
    if (all_.count % sample_every_ == 0) samples_.push_back(static_cast<int32_t>(latency_ms));
    all_.add(latency_ms, bytes);
    interval_.add(latency_ms, bytes);
    if (now_ms - interval_.began_ms < interval_ms_) return {};
    const Sum& i = interval_;
    std::string line = fmt::format(
        "{}{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency.",
        i.count, steady_ ? " steady state" : "",
        fixed(i.per_second(static_cast<double>(i.count), now_ms), 1),
        fixed(i.per_second(static_cast<double>(i.bytes) / kMib, now_ms), 2),
        fixed(i.latency_avg(), 1), fixed(static_cast<double>(i.latency_max), 1));
    interval_ = Sum{.began_ms = now_ms};
    return line;
}

std::string PerfStats::total(int64_t now_ms) {
    std::ranges::sort(samples_);
    const auto at = [&](double part) {
        if (samples_.empty()) return 0;
        return samples_[static_cast<size_t>(part * static_cast<double>(samples_.size()))];
    };
    return fmt::format(
        "{}{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency, {} "
        "ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.",
        all_.count, steady_ ? " steady state" : "",
        fixed(all_.per_second(static_cast<double>(all_.count), now_ms), 6),
        fixed(all_.per_second(static_cast<double>(all_.bytes) / kMib, now_ms), 2),
        fixed(all_.latency_avg(), 2), fixed(static_cast<double>(all_.latency_max), 2), at(0.5),
        at(0.95), at(0.99), at(0.999));
}

}  // namespace millrace::cli::kafka
