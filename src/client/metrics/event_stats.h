// How what one side of a client has for the other waits for it: acknowledgements of the application for
// the tasks that send them, rebalances and outcomes for the application's poll().
//
// Owner: whoever keeps the queue. Loop: its own. Kafka: AsyncConsumerMetrics, where the sides are
// threads.
#pragma once

#include "client/metrics/metric.h"
#include "client/metrics/sampled.h"

namespace millrace::client {

struct EventStats {
    size_t waiting = 0;    // now
    uint64_t expired = 0;  // given up before anybody took them
    Sampled wait;          // ms, of each
    Sampled work;          // ms, of all that were there at once

    void put() { ++waiting; }
    void taken(runtime::TimePoint since, runtime::TimePoint now) {
        --waiting;
        wait.record(now, now - since);
    }
    void given_up() {
        --waiting;
        ++expired;
    }
    // `from`: "application" or "background". To the group that was begun.
    void add(MetricList& out, const std::string& from, runtime::TimePoint now) const {
        const std::string queue = from + "-event-queue-";
        out.gauge(queue + "size", waiting);
        out.gauge(queue + "time-avg", wait.average(now));
        out.gauge(queue + "time-max", wait.max(now));
        out.gauge(queue + "processing-time-avg", work.average(now));
        out.gauge(queue + "processing-time-max", work.max(now));
    }
};

}  // namespace millrace::client
