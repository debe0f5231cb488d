#include "cli/kafka/metric_table.h"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("metrics as a table") {
    client::MetricList metrics("b-metrics");
    metrics.counter("count-total", 12);
    metrics.gauge("rate", 0.25);
    metrics.begin_group("a-metrics", {{"topic", "t"}, {"partition", "3"}});
    metrics.gauge("preferred-read-replica", -1);
    CHECK(cli::kafka::metric_table("me", metrics) ==
          "\nMetric Name                                                             Value\n"
          "a-metrics:preferred-read-replica:{client-id=me, topic=t, partition=3} : -1\n"
          "b-metrics:count-total:{client-id=me}                                  : 12.000\n"
          "b-metrics:rate:{client-id=me}                                         : 0.250\n");
    CHECK(cli::kafka::metric_table("me", client::MetricList("none")) == "\nMetric Name   Value\n");
}
