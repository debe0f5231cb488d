#include "client/metrics/group_stats.h"

#include <algorithm>

namespace millrace::client {
namespace {

// -1 when it never was.
double seconds_since(runtime::TimePoint then, runtime::TimePoint now) {
    if (then == runtime::TimePoint{}) return -1;
    return static_cast<double>(
        std::chrono::duration_cast<std::chrono::seconds>(now - then).count());
}

void add_times(MetricList& out, const std::string& name, const Sampled& times,
               runtime::TimePoint now) {
    out.gauge(name + "-avg", times.average(now));
    out.gauge(name + "-max", times.max(now));
}

constexpr double kSecondsOfHour = 3600;

}  // namespace

void add_heartbeats(MetricList& out, const GroupStats& stats, runtime::TimePoint now) {
    out.meter("heartbeat", stats.heartbeat_time.frequency(now), stats.heartbeats);
    out.gauge("heartbeat-response-time-max", stats.heartbeat_time.max(now));
    out.gauge("last-heartbeat-seconds-ago", seconds_since(stats.last_heartbeat, now));
    out.counter("rebalance-total", stats.rebalances);
    out.gauge("rebalance-rate-per-hour", stats.rebalances_lately.frequency(now) * kSecondsOfHour);
}

void add_commits(MetricList& out, const GroupStats& stats, runtime::TimePoint now) {
    out.meter("commit", stats.commit_time.frequency(now), stats.commits);
    add_times(out, "commit-latency", stats.commit_time, now);
    out.counter("failed-rebalance-total", stats.rebalances_failed);
    out.gauge("failed-rebalance-rate-per-hour",
              stats.rebalances_failed_lately.frequency(now) * kSecondsOfHour);
    add_times(out, "rebalance-latency", stats.rebalance_latency, now);
    out.counter("rebalance-latency-total",
                std::chrono::duration<double, std::milli>(stats.rebalance_time).count());
    out.gauge("last-rebalance-seconds-ago", seconds_since(stats.last_rebalance, now));
    add_times(out, "partition-assigned-latency", stats.assigned_time, now);
    add_times(out, "partition-revoked-latency", stats.revoked_time, now);
    add_times(out, "partition-lost-latency", stats.lost_time, now);
}

void add_joins(MetricList& out, const GroupStats& stats, runtime::TimePoint now) {
    out.meter("join", stats.join.time.frequency(now), stats.join.count);
    add_times(out, "join-time", stats.join.time, now);
    out.meter("sync", stats.sync.time.frequency(now), stats.sync.count);
    add_times(out, "sync-time", stats.sync.time, now);
}

void PollStats::add(MetricList& out, runtime::TimePoint now) const {
    out.gauge("last-poll-seconds-ago", seconds_since(last_, now));
    add_times(out, "time-between-poll", between_, now);
    out.gauge("poll-idle-ratio-avg", idle_.average(now));
}

void FetchCounts::add(MetricList& out, runtime::TimePoint now) const {
    out.meter("records-consumed", records_given.rate(now), records);
    out.meter("bytes-consumed", bytes_given.rate(now), bytes);
    out.gauge("records-per-request-avg", records_fetched.average(now));
    add_times(out, "fetch-size", bytes_fetched, now);
}

void FetchStats::add(MetricList& out, runtime::TimePoint now) const {
    out.meter("fetch", latency.frequency(now), fetches);
    add_times(out, "fetch-latency", latency, now);
    add_times(out, "fetch-throttle-time", throttle, now);
    all.add(out, now);
}

std::vector<std::string> topic_tags(const std::string& topic) {
    std::vector<std::string> out{topic};
    std::string plain = topic;
    std::ranges::replace(plain, '.', '_');
    if (plain != topic) out.push_back(std::move(plain));
    return out;
}

}  // namespace millrace::client
