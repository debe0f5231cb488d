// What a member of a group counts: heartbeats, commits, changes of its assignment; and how the
// application polls.
//
// Owner: CoordinatorLink (GroupStats), the consumers (PollStats). Loop: theirs.
#pragma once

#include "client/metrics/metric.h"
#include "client/metrics/sampled.h"

namespace millrace::client {

struct GroupStats {
    uint64_t heartbeats = 0;
    Sampled heartbeat_time;  // ms
    runtime::TimePoint last_heartbeat{};
    uint64_t commits = 0;
    Sampled commit_time;      // ms
    uint64_t rebalances = 0;  // assignments that were taken
    uint64_t rebalances_failed = 0;
    Duration rebalance_time{};  // of all
    Sampled rebalance_latency;  // ms
    runtime::TimePoint last_rebalance{};

    void heartbeat(runtime::TimePoint began, runtime::TimePoint now) {
        ++heartbeats;
        last_heartbeat = now;
        heartbeat_time.record(now, now - began);
    }
    void commit(runtime::TimePoint began, runtime::TimePoint now) {
        ++commits;
        commit_time.record(now, now - began);
    }
    void rebalance(runtime::TimePoint began, runtime::TimePoint now) {
        ++rebalances;
        rebalance_time += now - began;
        last_rebalance = now;
        rebalance_latency.record(now, now - began);
    }
};
// To the group that was begun.
void add_heartbeats(MetricList& out, const GroupStats& stats, runtime::TimePoint now);
void add_commits(MetricList& out, const GroupStats& stats, runtime::TimePoint now);

class PollStats {
public:
    void began(runtime::TimePoint now) {
        if (last_ != runtime::TimePoint{}) {
            between_.record(now, now - last_);
            const double whole = std::chrono::duration<double>(now - last_).count();
            if (whole > 0)
                idle_.record(now, std::chrono::duration<double>(inside_).count() / whole);
        }
        last_ = now;
    }
    void ended(runtime::TimePoint now) { inside_ = now - last_; }
    // To the group that was begun.
    void add(MetricList& out, runtime::TimePoint now) const;

private:
    runtime::TimePoint last_{};
    Duration inside_{};  // of the last
    Sampled between_;    // ms from one poll to the next
    Sampled idle_;       // which part of that was spent in poll()
};

// What fetches bring.
struct FetchStats {
    uint64_t fetches = 0;
    uint64_t records = 0;
    uint64_t bytes = 0;
    Sampled latency;   // ms
    Sampled size;      // bytes of records in an answer
    Sampled consumed;  // records given out at once
    Sampled throttle;  // ms that brokers asked to wait

    void fetched(runtime::TimePoint began, runtime::TimePoint now, size_t answer_bytes,
                 int32_t throttle_ms) {
        ++fetches;
        latency.record(now, now - began);
        size.record(now, static_cast<double>(answer_bytes));
        throttle.record(now, static_cast<double>(throttle_ms));
    }
    // To the group that was begun.
    void add(MetricList& out, runtime::TimePoint now) const;
};

}  // namespace millrace::client
