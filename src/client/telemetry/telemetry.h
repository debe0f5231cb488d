// Sends a client's metrics to its cluster, as far as the cluster's operator has subscribed to them
// (KIP-714).
//
//   ask --subscribed--> wait --interval--> push --+--> wait
//    ^       |nothing     ^   (the first after 0.5 to 1.5 of it)
//    |       v                                    |
//    +-- interval         +-----------------------+
//    +---- unknown_subscription_id, unsupported_compression_type
//
// A cluster that does not know telemetry is not asked again; nothing of this ever fails the client.
// close() sends what there is a last time. Owner: the client whose metrics they are. Loop: its own.
// Kafka: ClientTelemetryReporter.
#pragma once

#include <functional>

#include "client/cluster.h"
#include "client/telemetry/otlp.h"
#include "protocol/compression.h"

namespace millrace::client {

// What the cluster wants to know of one client.
struct TelemetrySubscription {
    int32_t id = 0;
    size_t bytes_max = 0;  // of a payload
    bool delta = false;
    protocol::Codec codec = protocol::Codec::none;
    std::vector<std::string> prefixes;  // of names; "*" and "" are all
    bool wants(std::string_view name) const;
};

class Telemetry {
public:
    using Labels = std::map<std::string, std::string>;
    // `metrics` and `labels` (of the whole: group_id, client_rack ...) are asked when something is
    // to be sent. Does nothing when enable.metrics.push is false, or the cluster's
    // nodes are controllers (bootstrap.controllers).
    Telemetry(Cluster& cluster, std::function<MetricList()> metrics,
              std::function<Labels()> labels);
    Telemetry(const Telemetry&) = delete;

    // The cluster's name for this client; nothing before it was given one.
    std::optional<Uuid> instance_id() const;
    uint64_t pushes() const { return pushes_; }
    // The last push, when there is a subscription; waits for it briefly.
    runtime::Task<void> close(runtime::TimePoint deadline);

private:
    // What an answer means for what comes next.
    enum class Next : uint8_t { later, ask_again, off };

    runtime::Task<void> run();
    runtime::Task<Next> ask();
    runtime::Task<Next> push(bool terminating, runtime::TimePoint deadline);
    Next judge(ErrorCode code) const;
    std::vector<Metric> wanted() const;
    std::vector<Metric> since_last_push(std::vector<Metric> metrics) const;
    Result<std::vector<uint8_t>> payload(std::span<const Metric> metrics) const;

    Cluster& cluster_;
    const std::function<MetricList()> metrics_;
    const std::function<Labels()> labels_;
    const TimestampMs began_;
    Uuid instance_id_;
    std::optional<TelemetrySubscription> subscription_;
    Duration interval_;  // as the cluster last said
    // Counters at the last push that arrived, for deltas.
    std::map<std::string, double> pushed_;
    TimestampMs pushed_at_;
    uint64_t pushes_ = 0;
    std::optional<runtime::DroppingScope> tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
