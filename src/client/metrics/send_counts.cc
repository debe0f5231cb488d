#include "client/metrics/send_counts.h"

namespace millrace::client {

void ProducerCalls::add(MetricList& out, runtime::TimePoint now) const {
    const auto time = [&](std::string_view name, Duration spent) {
        out.counter(std::string(name) + "-time-ns-total", std::chrono::nanoseconds(spent).count());
    };
    time("flush", flush);
    time("txn-init", init);
    time("txn-begin", begin);
    time("txn-send-offsets", offsets);
    // There is no two-phase commit of transactions yet, so no time goes into preparing them.
    time("txn-prepare", {});
    time("txn-commit", commit);
    time("txn-abort", abort);
    time("metadata-wait", metadata);
    time("bufferpool-wait", room);
    constexpr double kMsOfSecond = 1000;
    out.gauge("bufferpool-wait-ratio", room_ms.rate(now) / kMsOfSecond);
    out.gauge("waiting-threads", waiting_room);
    out.meter("buffer-exhausted", exhausting.rate(now), exhausted);
}

}  // namespace millrace::client
