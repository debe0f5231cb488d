#include "client/settings.h"

#include <doctest/doctest.h>

#include "client/client_config.h"

using namespace millrace;
using namespace millrace::client;
using namespace std::chrono_literals;

TEST_CASE("a client's properties are read by Kafka's names") {
    auto settings = Settings::parse("bootstrap.servers=a:1\nretry.backoff.ms = 7\nlinger.ms=3\n");
    REQUIRE(settings.has_value());
    CHECK(settings->set_pair("metadata.recovery.strategy=NONE").has_value());
    const auto config = ClientConfig::from(*settings);
    REQUIRE(config.has_value());
    CHECK(config->retry_backoff == 7ms);
    CHECK(config->retry_backoff_max == 1000ms);
    CHECK(!config->rebootstrap);
    CHECK(settings->unused() == std::vector<std::string>{"linger.ms"});
}

TEST_CASE("a property that cannot be is refused by its name") {
    for (const char* bad :
         {"request.timeout.ms=soon", "request.timeout.ms=-1", "allow.auto.create.topics=perhaps",
          "metadata.recovery.strategy=hope"}) {
        Settings settings;
        settings.set("bootstrap.servers", "a:1");
        CHECK(settings.set_pair(bad).has_value());
        const auto config = ClientConfig::from(settings);
        REQUIRE(!config.has_value());
        CHECK(config.code() == ErrorCode::invalid_config);
        CHECK(config.error().message.starts_with(std::string(bad).substr(0, 10)));
    }
    CHECK(ClientConfig::from(Settings{}).code() == ErrorCode::invalid_config);
    // Clients are asked for their metrics, administrators only if they are told to be.
    Settings settings{{"bootstrap.servers", "a:1"}};
    CHECK(ClientConfig::from(settings)->metrics_push);
    CHECK_FALSE(ClientConfig::for_admin(settings)->metrics_push);
    settings.set("enable.metrics.push", "true");
    CHECK(ClientConfig::for_admin(settings)->metrics_push);
}
