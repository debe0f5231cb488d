// What the loop of a client did since the client began, and of late: how often it looked for events,
// how long it waited for them and how long it worked. The loop's work is all that runs on it: the
// client's, the application's, and that of other clients beside it.
//
// Owner: Cluster. Loop: the one it watches. Cost: nothing but look(). Kafka: Selector's io metrics.
#pragma once

#include "client/metrics/metric.h"
#include "runtime/loop.h"

namespace millrace::client {

class LoopWatch {
public:
    explicit LoopWatch(const runtime::Loop& loop);

    // To be called from time to time, about each half minute: rates and averages are of the time
    // since a call at least so long ago.
    void look();

    // To the group that was begun: looks, waits and work.
    void add(MetricList& out) const;
    // From one look to the next; the longest is that of the loop's whole life.
    void add_rounds(MetricList& out) const;

private:
    struct Mark {
        runtime::TimePoint at;
        runtime::LoopTimes times;
    };
    Mark now() const { return {loop_.now(), loop_.times()}; }

    const runtime::Loop& loop_;
    const Mark began_;
    Mark before_;  // rates are since then
    Mark last_;
};

}  // namespace millrace::client
