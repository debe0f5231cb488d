// What goes over a client's connections, counted: all together, and for each broker.
//
// Owner: Brokers; connections share it, as they may outlive that. Loop: the client's. Bound: one
// entry for each broker id that was ever connected to. Kafka: Selector's metrics.
#pragma once

#include <map>
#include <memory>

#include "client/metrics/metric.h"
#include "client/metrics/sampled.h"

namespace millrace::client {

struct Traffic {
    uint64_t requests = 0;
    uint64_t responses = 0;
    uint64_t bytes_out = 0;
    uint64_t bytes_in = 0;
    Sampled request_bytes;
    Sampled response_bytes;
    Sampled latency;  // ms, from the call to the answer
};

struct ClientTraffic {
    Traffic all;
    std::map<NodeId, Traffic> nodes;  // by id; coordinators' connections under coordinator_id()
    uint64_t connections_opened = 0;
    uint64_t connections_closed = 0;
    Sampled openings;
    Sampled closings;

    // As Kafka's client numbers its connections to coordinators.
    static NodeId coordinator_id(NodeId broker) { return INT32_MAX - broker; }
};
using TrafficPtr = std::shared_ptr<ClientTraffic>;

// What one connection counts with.
class TrafficMeter {
public:
    TrafficMeter(TrafficPtr traffic, NodeId node)
        : traffic_(std::move(traffic)), node_(&traffic_->nodes[node]) {}

    void opened(runtime::TimePoint now) {
        ++traffic_->connections_opened;
        traffic_->openings.record(now, 1.0);
    }
    void closed(runtime::TimePoint now) {
        ++traffic_->connections_closed;
        traffic_->closings.record(now, 1.0);
    }
    void sent(runtime::TimePoint now, size_t bytes) {
        for (Traffic* to : {&traffic_->all, node_}) {
            ++to->requests;
            to->bytes_out += bytes;
            to->request_bytes.record(now, static_cast<double>(bytes));
        }
    }
    void received(runtime::TimePoint now, size_t bytes, Duration latency) {
        for (Traffic* to : {&traffic_->all, node_}) {
            ++to->responses;
            to->bytes_in += bytes;
            to->response_bytes.record(now, static_cast<double>(bytes));
            to->latency.record(now, latency);
        }
    }

private:
    TrafficPtr traffic_;
    Traffic* node_;  // lives in traffic_
};

// Groups "<client>-metrics" and "<client>-node-metrics".
void add_traffic(MetricList& out, const std::string& client, const ClientTraffic& traffic,
                 runtime::TimePoint now);

}  // namespace millrace::client
