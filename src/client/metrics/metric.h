// Numbers that a client knows about itself, under the names that Kafka's clients give them
// (docs/client.md lists them). Reading them allocates; counting does not.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"

namespace millrace::client {

struct Metric {
    enum class Kind : uint8_t {
        counter,  // since the client began; never falls
        gauge,
        whole,  // a gauge that has no fractions by its nature: an id, a time in ms
        text,
    };
    std::string group;  // "producer-metrics"
    std::string name;   // "record-send-total"
    Kind kind = Kind::gauge;
    double value = 0;  // NaN: there was nothing to measure lately
    std::string text;
    // Beside the client's id: node-id, topic, partition.
    std::vector<std::pair<std::string, std::string>> tags;
};

class MetricList {
public:
    using Tags = std::vector<std::pair<std::string, std::string>>;

    explicit MetricList(std::string group) : group_(std::move(group)) {}
    // The group of what is added from now on.
    void begin_group(std::string group, Tags tags = {}) {
        group_ = std::move(group);
        tags_ = std::move(tags);
    }
    template <typename Number>
    void counter(std::string_view name, Number value) {
        add(name, Metric::Kind::counter, static_cast<double>(value));
    }
    template <typename Number>
    void gauge(std::string_view name, Number value) {
        add(name, Metric::Kind::gauge, static_cast<double>(value));
    }
    void whole(std::string_view name, int64_t value) {
        add(name, Metric::Kind::whole, static_cast<double>(value));
    }
    void text(std::string_view name, std::string value) {
        add(name, Metric::Kind::text, 0);
        metrics_.back().text = std::move(value);
    }
    // "<name>-rate" and "<name>-total": of late, a second, and since the client began.
    void meter(std::string_view name, double rate, uint64_t total) {
        gauge(std::string(name) + "-rate", rate);
        counter(std::string(name) + "-total", total);
    }
    // Last of all: how many metrics there are, this one included.
    void count_all() {
        begin_group("kafka-metrics-count");
        gauge("count", metrics_.size() + 1);
    }
    const std::vector<Metric>& all() const { return metrics_; }
    // nullptr when there is none; the first, whatever its tags.
    const Metric* find(std::string_view group, std::string_view name) const;

private:
    void add(std::string_view name, Metric::Kind kind, double value) {
        metrics_.push_back({group_, std::string(name), kind, value, {}, tags_});
    }
    std::string group_;
    Tags tags_;
    std::vector<Metric> metrics_;
};

// As telemetry names it (KIP-714): "org.apache.kafka.producer.record.send.total".
std::string telemetry_name(const Metric& metric);

}  // namespace millrace::client
