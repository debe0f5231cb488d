#include "base/log_limit.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace std::chrono_literals;

TEST_CASE("one line a period and name; the others are counted") {
    LogLimit limit({.period = 10s, .lines_max = 1, .names_max = 100});
    CHECK(limit.admit("a", 5s) == 0);
    CHECK(!limit.admit("a", 6s));
    CHECK(!limit.admit("a", 14s));
    CHECK(limit.admit("b", 14s) == 0);
    CHECK(limit.admit("a", 15s) == 2);
    CHECK(!limit.admit("a", 16s));
    CHECK(limit.admit("a", 30s) == 1);
    CHECK(limit.admit("a", 40s) == 0);
    CHECK(LogLimit::told(0) == "");
    CHECK(LogLimit::told(7) == " (and 7 more like this)");
}

TEST_CASE("a few lines a period, when so many are allowed") {
    LogLimit limit({.period = 10s, .lines_max = 3});
    for (int i = 0; i < 3; ++i) CHECK(limit.admit("a", 1s) == 0);
    CHECK(!limit.admit("a", 2s));
    CHECK(limit.admit("a", 11s) == 1);
    for (int i = 0; i < 2; ++i) CHECK(limit.admit("a", 12s) == 0);
    CHECK(!limit.admit("a", 12s));
}

TEST_CASE("names are bounded: the one whose period began longest ago is forgotten") {
    LogLimit limit({.period = 10s, .lines_max = 1, .names_max = 2});
    CHECK(limit.admit("a", 1s) == 0);
    CHECK(limit.admit("b", 2s) == 0);
    CHECK(limit.admit("a", 11s) == 0);
    CHECK(limit.admit("c", 11s) == 0);  // forgets b
    CHECK(limit.size() == 2);
    CHECK(!limit.admit("a", 11s));
    CHECK(limit.admit("b", 11s) == 0);
    for (int i = 0; i < 1000; ++i) limit.admit(std::to_string(i), 12s);
    CHECK(limit.size() == 2);
}

TEST_CASE("a peer's host") {
    CHECK(host_of("127.0.0.1:54321") == "127.0.0.1");
    CHECK(host_of("[::1]:5") == "[::1]");
    CHECK(host_of("pipe") == "pipe");
}
