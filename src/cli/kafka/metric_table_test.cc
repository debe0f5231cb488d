#include "cli/kafka/metric_table.h"

#include <doctest/doctest.h>

#include <limits>

using namespace millrace;

TEST_CASE("metrics as a table") {
    client::MetricList metrics("b-metrics");
    metrics.counter("count-total", 12);
    metrics.gauge("rate", 0.25);
    metrics.begin_group("a-metrics", {{"topic", "t"}, {"partition", "3"}});
    metrics.whole("preferred-read-replica", -1);
    metrics.gauge("some-average", std::numeric_limits<double>::quiet_NaN());
    metrics.text("version", "1.2");
    CHECK(cli::kafka::metric_table("me", metrics) ==
          "\nMetric Name                                                             Value\n"
          "a-metrics:preferred-read-replica:{client-id=me, topic=t, partition=3} : -1\n"
          "a-metrics:some-average:{client-id=me, topic=t, partition=3}           : NaN\n"
          "a-metrics:version:{client-id=me, topic=t, partition=3}                : 1.2\n"
          "b-metrics:count-total:{client-id=me}                                  : 12.000\n"
          "b-metrics:rate:{client-id=me}                                         : 0.250\n");
    CHECK(cli::kafka::metric_table("me", client::MetricList("none")) == "\nMetric Name   Value\n");
}
