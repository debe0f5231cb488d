#include "client/metrics/traffic.h"

#include <fmt/format.h>

namespace millrace::client {
namespace {

void add(MetricList& out, const Traffic& traffic, runtime::TimePoint now) {
    out.counter("request-total", traffic.requests);
    out.counter("response-total", traffic.responses);
    out.counter("outgoing-byte-total", traffic.bytes_out);
    out.counter("incoming-byte-total", traffic.bytes_in);
    out.gauge("request-rate", traffic.request_bytes.frequency(now));
    out.gauge("response-rate", traffic.response_bytes.frequency(now));
    out.gauge("outgoing-byte-rate", traffic.request_bytes.rate(now));
    out.gauge("incoming-byte-rate", traffic.response_bytes.rate(now));
    out.gauge("request-size-avg", traffic.request_bytes.average(now));
    out.gauge("request-size-max", traffic.request_bytes.max(now));
}

}  // namespace

void add_traffic(MetricList& out, const std::string& client, const ClientTraffic& traffic,
                 runtime::TimePoint now) {
    out.begin_group(client + "-metrics");
    add(out, traffic.all, now);
    out.counter("connection-creation-total", traffic.connections_opened);
    out.gauge("connection-creation-rate", traffic.openings.frequency(now));
    out.counter("connection-close-total", traffic.connections_closed);
    out.gauge("connection-close-rate", traffic.closings.frequency(now));
    out.gauge("connection-count", traffic.connections_opened - traffic.connections_closed);
    out.counter("network-io-total", traffic.all.requests + traffic.all.responses);
    out.gauge("network-io-rate",
              traffic.all.request_bytes.frequency(now) + traffic.all.response_bytes.frequency(now));
    for (const auto& [id, node] : traffic.nodes) {
        out.begin_group(client + "-node-metrics", {{"node-id", fmt::format("node-{}", id)}});
        add(out, node, now);
        out.gauge("request-latency-avg", node.latency.average(now));
        out.gauge("request-latency-max", node.latency.max(now));
    }
}

}  // namespace millrace::client
