#include "client/address.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::client;

TEST_CASE("addresses of brokers") {
    CHECK(parse_address("localhost:9092")->text() == "localhost:9092");
    CHECK(parse_address("[::1]:9092")->host == "::1");
    CHECK(parse_address("[::1]:9092")->text() == "[::1]:9092");
    for (const char* bad :
         {"localhost", ":9092", "h:", "h:0", "h:65536", "h:9x", "::1:9092", "[]:1"})
        CHECK_MESSAGE(parse_address(bad).code() == ErrorCode::invalid_config, bad);
}

TEST_CASE("bootstrap.servers is a list") {
    const auto two = parse_bootstrap_servers(" a:1 , b:2,");
    REQUIRE(two.has_value());
    CHECK(two->size() == 2);
    CHECK((*two)[1] == Address{"b", 2});
    CHECK(parse_bootstrap_servers("").code() == ErrorCode::invalid_config);
    CHECK(parse_bootstrap_servers("a:1,b").code() == ErrorCode::invalid_config);
}
