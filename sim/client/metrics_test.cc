// What clients count of themselves, against what happened.
#include <cmath>
#include <map>

#include "client/metrics/app_info.h"
#include "client/producer.h"
#include "sim/client/consumer_world.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;

namespace {

double value(const client::MetricList& list, std::string_view group, std::string_view name) {
    const client::Metric* metric = list.find(group, name);
    CHECK_MESSAGE(metric != nullptr, name);
    return metric ? metric->value : -1;
}

Task<Result<void>> send_records(client::Producer& producer, int count) {
    const std::string text = "0123456789";
    for (int i = 0; i != count; ++i)
        CO_TRY_OK(co_await producer.send({.topic = "t", .value = as_bytes(text)}));
    co_await producer.flush();
    co_return {};
}

}  // namespace

SIM_TEST("clients count records, requests and connections") {
    ConsumerWorld w(sim);
    w.make_topic("t", 2);
    client::ProducerConfig config;
    config.client.bootstrap_servers = *client::parse_bootstrap_servers("server:9092");
    client::Producer producer(w.world.client.context(), config);
    CHECK(w.run(send_records(producer, 250)).has_value());
    const auto sent = producer.metrics();
    CHECK(value(sent, "producer-metrics", "record-send-total") == 250);
    CHECK(value(sent, "producer-metrics", "record-error-total") == 0);
    // To the bootstrap address, and then to the broker by its id.
    CHECK(value(sent, "producer-metrics", "connection-creation-total") == 2);
    CHECK(value(sent, "producer-metrics", "connection-count") == 1);
    CHECK(value(sent, "producer-metrics", "batch-size-max") > 100);
    CHECK(value(sent, "producer-metrics", "request-total") ==
          value(sent, "producer-metrics", "response-total"));
    CHECK(value(sent, "producer-metrics", "outgoing-byte-total") > 2500);
    CHECK(value(sent, "producer-metrics", "request-latency-avg") > 0);
    CHECK(value(sent, "producer-metrics", "buffer-available-bytes") == config.buffer_memory);
    CHECK(value(sent, "producer-metrics", "requests-in-flight") == 0);
    CHECK(value(sent, "producer-metrics", "flush-time-ns-total") > 0);
    CHECK(value(sent, "producer-metrics", "metadata-wait-time-ns-total") > 0);
    CHECK(value(sent, "producer-metrics", "buffer-exhausted-total") == 0);
    CHECK(value(sent, "producer-metrics", "compression-rate-avg") == 1);
    // Ten bytes of a value, and what a record has around it.
    CHECK(value(sent, "producer-metrics", "record-size-avg") > 10);
    CHECK(value(sent, "producer-metrics", "record-size-avg") <=
          value(sent, "producer-metrics", "record-size-max"));
    CHECK(value(sent, "producer-topic-metrics", "record-send-total") == 250);
    CHECK(std::isnan(value(sent, "producer-metrics", "reauthentication-latency-avg")));
    CHECK(value(sent, "kafka-metrics-count", "count") == sent.all().size());
    CHECK(sent.find("app-info", "version")->text == client::client_version());
    double by_node = 0;
    for (const client::Metric& metric : sent.all())
        if (metric.group == "producer-node-metrics" && metric.name == "request-total")
            by_node += metric.value;
    CHECK(by_node == value(sent, "producer-metrics", "request-total"));
    CHECK(w.run(producer.close()).has_value());

    client::Consumer consumer(w.world.client.context(), w.config("g"));
    CHECK(consumer.subscribe({"t"}).has_value());
    Seen seen;
    CHECK(*w.run(poll_until(consumer, seen, 250)) == 250);
    CHECK(w.run(consumer.commit()).has_value());
    sim.run_for(10s);
    const auto read = consumer.metrics();
    constexpr std::string_view kFetch = "consumer-fetch-manager-metrics";
    constexpr std::string_view kGroup = "consumer-coordinator-metrics";
    CHECK(value(read, kFetch, "records-consumed-total") == 250);
    CHECK(value(read, kFetch, "bytes-consumed-total") > 2500);
    CHECK(value(read, kFetch, "fetch-total") > 0);
    CHECK(value(read, kFetch, "records-lag-max") >= 0);
    CHECK(value(read, kFetch, "records-lead-min") > 0);
    CHECK(value(read, kFetch, "records-per-request-avg") > 0);
    CHECK(value(read, kFetch, "fetch-size-max") > 1000);
    std::map<std::string, double> of_topic;
    double left = 0;
    for (const client::Metric& metric : read.all()) {
        if (metric.group != kFetch || metric.tags.empty()) continue;
        if (metric.tags.size() == 1) of_topic[metric.name] = metric.value;
        if (metric.name == "records-lag") left += metric.value;
    }
    CHECK(of_topic["records-consumed-total"] == 250);
    CHECK(of_topic["bytes-consumed-total"] == value(read, kFetch, "bytes-consumed-total"));
    CHECK(left == 0);
    CHECK(value(read, kGroup, "commit-total") == 1);
    CHECK(value(read, kGroup, "rebalance-total") >= 1);
    CHECK(value(read, kGroup, "heartbeat-total") >= 2);
    CHECK(value(read, kGroup, "assigned-partitions") == 2);
    CHECK(value(read, kGroup, "rebalance-rate-per-hour") >= 1);
    CHECK(value(read, "consumer-metrics", "commit-sync-time-ns-total") > 0);
    CHECK(value(read, "consumer-metrics", "committed-time-ns-total") == 0);
    CHECK(value(read, "consumer-metrics", "last-poll-seconds-ago") >= 9);
    CHECK(w.run(consumer.close()).has_value());
}
