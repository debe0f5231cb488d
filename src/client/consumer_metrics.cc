// What a consumer tells of itself.
#include <cmath>
#include <limits>

#include "client/consumer.h"

namespace millrace::client {

MetricList Consumer::metrics() const {
    const auto now = cluster_.loop().now();
    MetricList out = cluster_.metrics("consumer");
    polls_.add(out, now);
    out.counter("commit-sync-time-ns-total", std::chrono::nanoseconds(commit_time_).count());
    out.counter("committed-time-ns-total", std::chrono::nanoseconds(committed_time_).count());
    if (config_.group_protocol == GroupProtocol::consumer) {
        cluster_.loop_watch().add_rounds(out);
        add_unsent(out, *cluster_.traffic(), now);
        gate_.events.add(out, "background", now);
    }
    add_fetches(out);
    add_partitions(out);
    if (!config_.group_id.empty()) {
        out.begin_group("consumer-coordinator-metrics");
        add_heartbeats(out, link_.stats, now);
        add_commits(out, link_.stats, now);
        if (config_.group_protocol == GroupProtocol::classic) add_joins(out, link_.stats, now);
        out.gauge("assigned-partitions", table_.all().size());
    }
    out.count_all();
    return out;
}

void Consumer::add_fetches(MetricList& out) const {
    constexpr std::string_view kGroup = "consumer-fetch-manager-metrics";
    const auto now = cluster_.loop().now();
    out.begin_group(std::string(kGroup));
    double lag_max = std::numeric_limits<double>::quiet_NaN();
    double lead_min = lag_max;
    for (const auto& [place, p] : table_.all()) {
        lag_max = std::fmax(lag_max, p->lag.max(now));
        lead_min = std::fmin(lead_min, p->lead.min(now));
    }
    out.gauge("records-lag-max", lag_max);
    out.gauge("records-lead-min", lead_min);
    if (!fetcher_) return;
    fetcher_->stats().add(out, now);
    for (const auto& [topic, counts] : fetcher_->stats().topics) {
        for (const std::string& tag : topic_tags(topic)) {
            out.begin_group(std::string(kGroup), {{"topic", tag}});
            counts.add(out, now);
        }
    }
}

void Consumer::add_partitions(MetricList& out) const {
    const auto now = cluster_.loop().now();
    for (const auto& [place, p] : table_.all()) {
        for (const std::string& tag : topic_tags(place.topic)) {
            out.begin_group("consumer-fetch-manager-metrics",
                            {{"topic", tag}, {"partition", std::to_string(place.partition)}});
            out.whole("preferred-read-replica", p->preferred);
            if (const auto records = lag(place)) {
                out.gauge("records-lag", *records);
                out.gauge("records-lag-avg", p->lag.average(now));
                out.gauge("records-lag-max", p->lag.max(now));
            }
            if (p->log_start >= 0 && p->position.offset >= 0) {
                out.gauge("records-lead", p->position.offset - p->log_start);
                out.gauge("records-lead-avg", p->lead.average(now));
                out.gauge("records-lead-min", p->lead.min(now));
            }
        }
    }
}

}  // namespace millrace::client
