#include "client/metrics/traffic.h"

#include <fmt/format.h>

namespace millrace::client {
namespace {

void add(MetricList& out, const Traffic& traffic, runtime::TimePoint now) {
    out.meter("request", traffic.request_bytes.frequency(now), traffic.requests);
    out.meter("response", traffic.response_bytes.frequency(now), traffic.responses);
    out.meter("outgoing-byte", traffic.request_bytes.rate(now), traffic.bytes_out);
    out.meter("incoming-byte", traffic.response_bytes.rate(now), traffic.bytes_in);
    out.gauge("request-size-avg", traffic.request_bytes.average(now));
    out.gauge("request-size-max", traffic.request_bytes.max(now));
}

// This client's connections carry no credentials (docs/decisions/0004-client-security.md): none ever
// authenticates, well or badly, nor takes any time over it.
void add_authentications(MetricList& out) {
    for (const std::string_view outcome : {"successful-", "failed-"})
        for (const std::string_view what : {"authentication", "reauthentication"})
            out.meter(fmt::format("{}{}", outcome, what), 0, 0);
    out.counter("successful-authentication-no-reauth-total", 0);
    constexpr double kNever = std::numeric_limits<double>::quiet_NaN();
    out.gauge("reauthentication-latency-avg", kNever);
    out.gauge("reauthentication-latency-max", kNever);
}

}  // namespace

void add_traffic(MetricList& out, const std::string& client, const ClientTraffic& traffic,
                 runtime::TimePoint now) {
    out.begin_group(client + "-metrics");
    add(out, traffic.all, now);
    out.meter("connection-creation", traffic.openings.frequency(now), traffic.connections_opened);
    out.meter("connection-close", traffic.closings.frequency(now), traffic.connections_closed);
    out.gauge("connection-count", traffic.connections_opened - traffic.connections_closed);
    out.meter("network-io",
              traffic.all.request_bytes.frequency(now) + traffic.all.response_bytes.frequency(now),
              traffic.all.requests + traffic.all.responses);
    add_authentications(out);
    for (const auto& [id, node] : traffic.nodes) {
        out.begin_group(client + "-node-metrics", {{"node-id", fmt::format("node-{}", id)}});
        add(out, node, now);
        out.gauge("request-latency-avg", node.latency.average(now));
        out.gauge("request-latency-max", node.latency.max(now));
    }
}

void add_unsent(MetricList& out, const ClientTraffic& traffic, runtime::TimePoint now) {
    out.gauge("unsent-requests-queue-size", traffic.unsent);
    out.gauge("unsent-requests-queue-time-avg", traffic.unsent_time.average(now));
    out.gauge("unsent-requests-queue-time-max", traffic.unsent_time.max(now));
}

}  // namespace millrace::client
