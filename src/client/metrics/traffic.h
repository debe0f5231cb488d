// What goes over a client's connections, counted: all together, and for each broker; and how requests
// wait to be written.
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
    uint64_t unsent = 0;  // requests that wait to be written
    Sampled unsent_time;  // ms that requests waited for it

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
    // A request waits to be written; all that waited on this connection have been, or never will be.
    void queued(runtime::TimePoint now) {
        ++traffic_->unsent;
        if (unsent_++ == 0) oldest_unsent_ = now;
        since_oldest_ += now - oldest_unsent_;
    }
    void written(runtime::TimePoint now) {
        const Duration longest = now - oldest_unsent_;
        const auto all = Milliseconds(longest * static_cast<int64_t>(unsent_) - since_oldest_);
        traffic_->unsent_time.record_many(now, unsent_, all.count(), Milliseconds(longest).count());
        forget_unsent();
    }
    void forget_unsent() {
        traffic_->unsent -= std::exchange(unsent_, 0);
        since_oldest_ = {};
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
    using Milliseconds = std::chrono::duration<double, std::milli>;

    TrafficPtr traffic_;
    Traffic* node_;  // lives in traffic_
    uint64_t unsent_ = 0;
    runtime::TimePoint oldest_unsent_{};
    Duration since_oldest_{};  // from the oldest one to each of the others, in sum
};

// Groups "<client>-metrics" and "<client>-node-metrics".
void add_traffic(MetricList& out, const std::string& client, const ClientTraffic& traffic,
                 runtime::TimePoint now);
// To the group that was begun: requests that wait to be written.
void add_unsent(MetricList& out, const ClientTraffic& traffic, runtime::TimePoint now);

}  // namespace millrace::client
