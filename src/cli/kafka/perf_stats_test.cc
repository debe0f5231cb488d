#include "cli/kafka/perf_stats.h"

#include <doctest/doctest.h>

#include "cli/kafka/java_format.h"

using namespace millrace::cli::kafka;

TEST_CASE("statistics of records") {
    PerfStats stats(4, 1000, 500, false);
    CHECK(stats.record(10, 1 << 20, 1100).empty());
    CHECK(stats.record(20, 1 << 20, 1500) ==
          "2 records sent, 4.0 records/sec (4.00 MB/sec), 15.0 ms avg latency, 20.0 ms max "
          "latency.");
    CHECK(stats.record(30, 1 << 20, 1600).empty());
    CHECK(stats.record(40, 1 << 20, 1700).empty());
    CHECK(stats.total(3000) ==
          "4 records sent, 2.000000 records/sec (2.00 MB/sec), 25.00 ms avg latency, 40.00 ms max "
          "latency, 30 ms 50th, 40 ms 95th, 40 ms 99th, 40 ms 99.9th.");
    PerfStats steady(1, 0, 500, true);
    CHECK(steady.total(1).starts_with("0 steady state records sent, 0.000000 records/sec"));
}

TEST_CASE("Java's times and numbers") {
    CHECK(fixed(0.0 / 0.0, 4) == "NaN");
    CHECK(fixed(1.0 / 3, 4) == "0.3333");
    CHECK(format_time(1'700'000'000'123, "S SSSS 'x'") == "123 0123 'x'");
}
