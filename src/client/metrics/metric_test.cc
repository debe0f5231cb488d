#include "client/metrics/metric.h"

#include <doctest/doctest.h>

#include <cmath>

#include "client/metrics/app_info.h"
#include "client/metrics/event_stats.h"
#include "client/metrics/group_stats.h"
#include "client/metrics/send_counts.h"
#include "client/metrics/traffic.h"

using namespace millrace;
using namespace millrace::client;
using namespace std::chrono_literals;

namespace {

double value(const MetricList& list, std::string_view name) {
    for (const Metric& metric : list.all())
        if (metric.name == name) return metric.value;
    FAIL("no metric " << name);
    return 0;
}

}  // namespace

TEST_CASE("averages, maxima and rates are of the last minute") {
    Sampled sampled;
    const runtime::TimePoint start{1h};
    CHECK(std::isnan(sampled.average(start)));
    CHECK(std::isnan(sampled.max(start)));
    CHECK(std::isnan(sampled.min(start)));
    CHECK(sampled.rate(start) == 0);
    sampled.record(start, 10.0);
    sampled.record(start + 1s, 30.0);
    CHECK(sampled.average(start + 2s) == 20);
    CHECK(sampled.max(start + 2s) == 30);
    CHECK(sampled.min(start + 2s) == 10);
    CHECK(sampled.frequency(start + 2s) == doctest::Approx(2.0 / 30));
    sampled.record(start + 35s, 2.0);
    CHECK(sampled.average(start + 40s) == 14);
    CHECK(sampled.rate(start + 42s) == doctest::Approx(1.0));
    CHECK(sampled.average(start + 61s) == 2);
    CHECK(sampled.max(start + 61s) == 2);
    CHECK(sampled.min(start + 61s) == 2);
    CHECK(std::isnan(sampled.average(start + 96s)));
    CHECK(std::isnan(sampled.max(start + 96s)));
    sampled.record(start + 200s, 5.0);
    CHECK(sampled.average(start + 200s) == 5);
    sampled.record_many(start + 201s, 3, 25.0, 20.0);
    CHECK(sampled.average(start + 201s) == 7.5);
    CHECK(sampled.max(start + 201s) == 20);
}

TEST_CASE("values below zero have extremes too") {
    Sampled sampled;
    const runtime::TimePoint start{1h};
    sampled.record(start, -3.0);
    sampled.record(start, -5.0);
    CHECK(sampled.max(start) == -3);
    CHECK(sampled.min(start) == -5);
}

TEST_CASE("a window of an hour") {
    GroupStats stats;
    const runtime::TimePoint start{1h};
    stats.rebalance(start - 2s, start);
    stats.rebalance_failed(start + 1min);
    stats.rebalance_failed(start + 2min);
    MetricList list("group");
    add_heartbeats(list, stats, start + 20min);
    add_commits(list, stats, start + 20min);
    CHECK(value(list, "rebalance-rate-per-hour") == doctest::Approx(1));
    CHECK(value(list, "failed-rebalance-rate-per-hour") == doctest::Approx(2));
    CHECK(value(list, "failed-rebalance-total") == 2);
    CHECK(value(list, "rebalance-latency-total") == 2000);
    CHECK(std::isnan(value(list, "commit-latency-avg")));
    CHECK(std::isnan(value(list, "partition-lost-latency-max")));
}

TEST_CASE("who the client is, and how many metrics there are") {
    MetricList list("x");
    add_app_info(list, 1'700'000'000'123);
    list.count_all();
    REQUIRE(list.all().size() == 4);
    CHECK(list.find("app-info", "version")->text == client_version());
    CHECK_FALSE(client_commit().empty());
    CHECK(list.find("app-info", "start-time-ms")->kind == Metric::Kind::whole);
    CHECK(value(list, "start-time-ms") == 1'700'000'000'123);
    CHECK(list.find("kafka-metrics-count", "count")->value == 4);
}

TEST_CASE("how long requests wait to be written") {
    const auto traffic = std::make_shared<ClientTraffic>();
    TrafficMeter meter(traffic, 1);
    TrafficMeter other(traffic, 2);
    const runtime::TimePoint start{1h};
    meter.queued(start);
    meter.queued(start + 4ms);
    other.queued(start + 5ms);
    meter.queued(start + 5ms);
    MetricList before("m");
    add_unsent(before, *traffic, start + 5ms);
    CHECK(value(before, "unsent-requests-queue-size") == 4);
    CHECK(std::isnan(value(before, "unsent-requests-queue-time-avg")));
    meter.written(start + 6ms);  // after 6, 2 and 1 ms
    other.forget_unsent();
    MetricList after("m");
    add_unsent(after, *traffic, start + 7ms);
    CHECK(value(after, "unsent-requests-queue-size") == 0);
    CHECK(value(after, "unsent-requests-queue-time-avg") == doctest::Approx(3));
    CHECK(value(after, "unsent-requests-queue-time-max") == doctest::Approx(6));
    meter.queued(start + 8ms);
    meter.written(start + 8ms);
    MetricList last("m");
    add_unsent(last, *traffic, start + 8ms);
    CHECK(value(last, "unsent-requests-queue-time-avg") == doctest::Approx(9.0 / 4));
}

TEST_CASE("what a topic's batches come to") {
    SendCounts counts;
    const runtime::TimePoint start{1h};
    counts.send(start, {.records = 10, .bytes = 300, .plain_bytes = 400});
    counts.send(start, {.records = 20, .bytes = 900, .plain_bytes = 1000});
    counts.repeat(start, 20);
    counts.fail(start, 20);
    MetricList list("m");
    add_topic(list, "t", counts, start);
    CHECK(value(list, "record-send-total") == 30);
    CHECK(value(list, "record-send-rate") == doctest::Approx(1));
    CHECK(value(list, "byte-total") == 1200);
    CHECK(value(list, "byte-rate") == doctest::Approx(40));
    CHECK(value(list, "compression-rate") == doctest::Approx((0.75 + 0.9) / 2));
    CHECK(value(list, "record-retry-total") == 20);
    CHECK(value(list, "record-error-rate") == doctest::Approx(20.0 / 30));
    CHECK(list.all().front().tags == MetricList::Tags{{"topic", "t"}});
}

TEST_CASE("a queue between the two sides") {
    EventStats events;
    const runtime::TimePoint start{1h};
    events.put();
    events.put();
    events.put();
    events.taken(start, start + 3ms);
    events.given_up();
    MetricList list("m");
    events.add(list, "application", start + 3ms);
    CHECK(value(list, "application-event-queue-size") == 1);
    CHECK(value(list, "application-event-queue-time-max") == 3);
    CHECK(std::isnan(value(list, "application-event-queue-processing-time-avg")));
    CHECK(events.expired == 1);
}

TEST_CASE("topics with dots have two names") {
    CHECK(topic_tags("orders") == std::vector<std::string>{"orders"});
    CHECK(topic_tags("a.b.c") == std::vector<std::string>{"a.b.c", "a_b_c"});
}

TEST_CASE("names as telemetry has them") {
    MetricList list("producer-metrics");
    list.counter("record-send-total", 3);
    list.begin_group("consumer-fetch-manager-metrics", {{"topic", "t"}});
    list.gauge("records-lag", 7);
    REQUIRE(list.all().size() == 2);
    CHECK(telemetry_name(list.all()[0]) == "org.apache.kafka.producer.record.send.total");
    CHECK(telemetry_name(list.all()[1]) == "org.apache.kafka.consumer.fetch.manager.records.lag");
    CHECK(list.all()[0].tags.empty());
    CHECK(list.find("consumer-fetch-manager-metrics", "records-lag")->value == 7);
    CHECK(list.find("producer-metrics", "records-lag") == nullptr);
}

TEST_CASE("how much of the time was spent in poll") {
    PollStats stats;
    const runtime::TimePoint start{1h};
    stats.began(start);
    stats.ended(start + 300ms);
    stats.began(start + 1s);
    MetricList list("consumer-metrics");
    stats.add(list, start + 3s);
    CHECK(list.find("consumer-metrics", "poll-idle-ratio-avg")->value == doctest::Approx(0.3));
    CHECK(list.find("consumer-metrics", "time-between-poll-max")->value == 1000);
    CHECK(list.find("consumer-metrics", "last-poll-seconds-ago")->value == 2);
}
