// What a member of a group counts: heartbeats, commits, changes of its assignment, what listeners take
// to hear of them; how the application polls; and what fetches bring.
//
// Owner: CoordinatorLink (GroupStats), the consumers (PollStats), fetchers. Loop: theirs.
#pragma once

#include <map>

#include "client/metrics/metric.h"
#include "client/metrics/sampled.h"

namespace millrace::client {

// One of the exchanges that a member of a classic group joins with.
struct JoiningStep {
    uint64_t count = 0;
    Sampled time;  // ms
    void done(runtime::TimePoint began, runtime::TimePoint now) {
        ++count;
        time.record(now, now - began);
    }
};

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
    Sampled rebalances_lately{std::chrono::hours{1}};
    Sampled rebalances_failed_lately{std::chrono::hours{1}};
    runtime::TimePoint last_rebalance{};
    JoiningStep join;
    JoiningStep sync;
    // ms that the application's listener took.
    Sampled assigned_time;
    Sampled revoked_time;
    Sampled lost_time;

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
        rebalances_lately.record(now, 1.0);
    }
    void rebalance_failed(runtime::TimePoint now) {
        ++rebalances_failed;
        rebalances_failed_lately.record(now, 1.0);
    }
};
// To the group that was begun: of members of all kinds; of those that commit; of those of classic
// groups.
void add_heartbeats(MetricList& out, const GroupStats& stats, runtime::TimePoint now);
void add_commits(MetricList& out, const GroupStats& stats, runtime::TimePoint now);
void add_joins(MetricList& out, const GroupStats& stats, runtime::TimePoint now);

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

// Records that were fetched, of all topics or of one.
struct FetchCounts {
    uint64_t records = 0;  // given out
    uint64_t bytes = 0;    // of the batches that they came in
    Sampled records_given;
    Sampled bytes_given;
    Sampled records_fetched;  // of an answer that has any
    Sampled bytes_fetched;

    void fetched(runtime::TimePoint now, size_t answer_records, size_t answer_bytes) {
        records_fetched.record(now, static_cast<double>(answer_records));
        bytes_fetched.record(now, static_cast<double>(answer_bytes));
    }
    void given(runtime::TimePoint now, uint64_t more_records, uint64_t more_bytes) {
        records += more_records;
        bytes += more_bytes;
        records_given.record(now, static_cast<double>(more_records));
        bytes_given.record(now, static_cast<double>(more_bytes));
    }
    // To the group that was begun.
    void add(MetricList& out, runtime::TimePoint now) const;
};

// What fetches bring.
struct FetchStats {
    uint64_t fetches = 0;
    Sampled latency;   // ms
    Sampled throttle;  // ms that brokers asked to wait
    FetchCounts all;
    std::map<std::string, FetchCounts, std::less<>> topics;  // share consumers have none

    void answered(runtime::TimePoint began, runtime::TimePoint now, int32_t throttle_ms) {
        ++fetches;
        latency.record(now, now - began);
        throttle.record(now, static_cast<double>(throttle_ms));
    }
    // To the group that was begun; what is of one topic is not in there.
    void add(MetricList& out, runtime::TimePoint now) const;
};

// Kafka's clients tell of a topic with dots twice: under its name, and under the one with '_' for
// them that older versions gave it. Here are both, or the one name.
std::vector<std::string> topic_tags(const std::string& topic);

}  // namespace millrace::client
