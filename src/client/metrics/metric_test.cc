#include "client/metrics/metric.h"

#include <doctest/doctest.h>

#include "client/metrics/group_stats.h"

using namespace millrace;
using namespace millrace::client;
using namespace std::chrono_literals;

TEST_CASE("averages, maxima and rates are of the last minute") {
    Sampled sampled;
    const runtime::TimePoint start{1h};
    CHECK(sampled.average(start) == 0);
    sampled.record(start, 10.0);
    sampled.record(start + 1s, 30.0);
    CHECK(sampled.average(start + 2s) == 20);
    CHECK(sampled.max(start + 2s) == 30);
    CHECK(sampled.frequency(start + 2s) == doctest::Approx(2.0 / 30));
    sampled.record(start + 35s, 2.0);
    CHECK(sampled.average(start + 40s) == 14);
    CHECK(sampled.rate(start + 42s) == doctest::Approx(1.0));
    CHECK(sampled.average(start + 61s) == 2);
    CHECK(sampled.max(start + 61s) == 2);
    CHECK(sampled.average(start + 96s) == 0);
    sampled.record(start + 200s, 5.0);
    CHECK(sampled.average(start + 200s) == 5);
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
