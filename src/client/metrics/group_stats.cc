#include "client/metrics/group_stats.h"

namespace millrace::client {
namespace {

// -1 when it never was.
double seconds_since(runtime::TimePoint then, runtime::TimePoint now) {
    if (then == runtime::TimePoint{}) return -1;
    return static_cast<double>(
        std::chrono::duration_cast<std::chrono::seconds>(now - then).count());
}

}  // namespace

void add_heartbeats(MetricList& out, const GroupStats& stats, runtime::TimePoint now) {
    out.counter("heartbeat-total", stats.heartbeats);
    out.gauge("heartbeat-rate", stats.heartbeat_time.frequency(now));
    out.gauge("heartbeat-response-time-max", stats.heartbeat_time.max(now));
    out.gauge("last-heartbeat-seconds-ago", seconds_since(stats.last_heartbeat, now));
    out.counter("rebalance-total", stats.rebalances);
}

void add_commits(MetricList& out, const GroupStats& stats, runtime::TimePoint now) {
    out.counter("commit-total", stats.commits);
    out.gauge("commit-rate", stats.commit_time.frequency(now));
    out.gauge("commit-latency-avg", stats.commit_time.average(now));
    out.gauge("commit-latency-max", stats.commit_time.max(now));
    out.counter("failed-rebalance-total", stats.rebalances_failed);
    out.gauge("rebalance-latency-avg", stats.rebalance_latency.average(now));
    out.gauge("rebalance-latency-max", stats.rebalance_latency.max(now));
    out.counter("rebalance-latency-total",
                std::chrono::duration<double, std::milli>(stats.rebalance_time).count());
    out.gauge("last-rebalance-seconds-ago", seconds_since(stats.last_rebalance, now));
}

void PollStats::add(MetricList& out, runtime::TimePoint now) const {
    out.gauge("last-poll-seconds-ago", seconds_since(last_, now));
    out.gauge("time-between-poll-avg", between_.average(now));
    out.gauge("time-between-poll-max", between_.max(now));
    out.gauge("poll-idle-ratio-avg", idle_.average(now));
}

void FetchStats::add(MetricList& out, runtime::TimePoint now) const {
    out.counter("fetch-total", fetches);
    out.gauge("fetch-rate", latency.frequency(now));
    out.gauge("fetch-latency-avg", latency.average(now));
    out.gauge("fetch-latency-max", latency.max(now));
    out.gauge("fetch-size-avg", size.average(now));
    out.gauge("fetch-size-max", size.max(now));
    out.gauge("fetch-throttle-time-avg", throttle.average(now));
    out.gauge("fetch-throttle-time-max", throttle.max(now));
    out.counter("records-consumed-total", records);
    out.gauge("records-consumed-rate", consumed.rate(now));
    out.gauge("records-per-request-avg", consumed.average(now));
    out.counter("bytes-consumed-total", bytes);
}

}  // namespace millrace::client
