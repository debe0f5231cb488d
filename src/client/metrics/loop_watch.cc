#include "client/metrics/loop_watch.h"

#include <limits>

namespace millrace::client {
namespace {

constexpr std::chrono::seconds kWindow{30};

double nanoseconds(Duration d) {
    return static_cast<double>(std::chrono::nanoseconds(d).count());
}

// NaN when there is nothing that it would be of.
double ratio(double part, double whole) {
    return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

LoopWatch::LoopWatch(const runtime::Loop& loop)
    : loop_(loop), began_(now()), before_(began_), last_(began_) {}

void LoopWatch::look() {
    if (loop_.now() - last_.at < kWindow) return;
    before_ = last_;
    last_ = now();
}

void LoopWatch::add(MetricList& out) const {
    const Mark here = now();
    const double lately = nanoseconds(here.at - before_.at);
    const auto looks = static_cast<double>(here.times.looks - before_.times.looks);
    out.counter("select-total", here.times.looks - began_.times.looks);
    out.gauge("select-rate", lately > 0 ? looks * 1e9 / lately : 0);
    const auto span = [&](const std::string& name, Duration runtime::LoopTimes::* field) {
        const double part = nanoseconds(here.times.*field - before_.times.*field);
        out.counter(name + "-time-ns-total", nanoseconds(here.times.*field - began_.times.*field));
        out.gauge(name + "-time-ns-avg", ratio(part, looks));
        out.gauge(name + "-ratio", lately > 0 ? part / lately : 0);
    };
    span("io", &runtime::LoopTimes::worked);
    span("io-wait", &runtime::LoopTimes::waited);
}

void LoopWatch::add_rounds(MetricList& out) const {
    const Mark here = now();
    const auto looks = static_cast<double>(here.times.looks - before_.times.looks);
    constexpr double kMillisecond = 1e6;
    out.gauge("time-between-network-thread-poll-avg",
              ratio(nanoseconds(here.at - before_.at) / kMillisecond, looks));
    out.gauge("time-between-network-thread-poll-max",
              looks > 0 ? nanoseconds(here.times.longest) / kMillisecond
                        : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace millrace::client
