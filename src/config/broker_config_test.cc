#include "config/broker_config.h"

#include <doctest/doctest.h>

#include "config/properties.h"
#include "config/recorded.h"

using namespace millrace;
using namespace millrace::config;

namespace {

std::string refusal(std::string_view text, const std::vector<std::string>& sets = {}) {
    const auto loaded = BrokerConfig::load(text, "server.properties", sets);
    return loaded ? "" : loaded.error().message;
}

BrokerConfig loaded(std::string_view text, const std::vector<std::string>& sets = {}) {
    auto out = BrokerConfig::load(text, "server.properties", sets);
    REQUIRE_MESSAGE(out.has_value(), out.error().message);
    return std::move(out->config);
}

}  // namespace

TEST_CASE("a node's configuration is taken or refused as by Apache Kafka") {
    size_t checked = 0;
    for (const auto& row : testing::recorded("startup.tsv")) {
        Overrides given = {
            {"node.id", "1"},
            {"process.roles", "broker,controller"},
            {"listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"},
            {"controller.listener.names", "CONTROLLER"},
            {"controller.quorum.bootstrap.servers", "localhost:9093"},
            {"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL"}};
        std::string shown;
        for (size_t i = 1; i < row.size(); ++i) {
            const size_t equals = row[i].find('=');
            const std::string name = row[i].substr(0, equals);
            given[name] = row[i].substr(equals + 1);
            if (name == "listeners" && !given[name].contains("CONTROLLER")) {
                given[name] += given[name].empty() ? "" : ",CONTROLLER://localhost:9999";
            }
            shown += row[i] + " ";
        }
        std::string text;
        for (const auto& [name, value] : given) text += format_property(name, value);
        const std::string why = refusal(text);
        CHECK_MESSAGE((why.empty() ? "ok" : "refused") == row[0], shown, why);
        ++checked;
    }
    CHECK(checked > 120);
}

TEST_CASE("a refusal names the place, the name, the value and what is allowed") {
    CHECK(refusal("\n# x\nnum.partitions=0\n") ==
          "server.properties:3: num.partitions: the value '0' is not allowed: at least 1");
    CHECK(refusal("", {"log.retention.ms=soon"}) ==
          "--set: log.retention.ms: the value 'soon' is not a whole number of type LONG");
    CHECK(refusal("log.retention.hours=0\n") ==
          "server.properties:1: log.retention.hours: 0 is not allowed: -1 for ever, or at least 1");
    CHECK(refusal("", {"novalue"}) == "--set novalue: expected name=value");
    CHECK(refusal("a=\\u00") ==
          "server.properties: line 1: \\u must be followed by four hexadecimal digits");
    CHECK(refusal("listeners=PLAINTEXT://localhost:99999\n") ==
          "server.properties:1: listeners: 'PLAINTEXT://localhost:99999' has a port outside "
          "0..65535");
    CHECK(refusal("listener.name.plaintext.max.connections=x\n")
              .starts_with("server.properties:1: listener.name.plaintext.max.connections: "));
    const std::string secret = refusal("sasl.login.refresh.buffer.seconds=hunter2\n");
    CHECK(secret.contains("hunter2"));  // no secret: its type is SHORT
}

TEST_CASE("unknown and repeated names are warned of, and kept") {
    const auto out = BrokerConfig::load("foo=bar\nnum.partitions=2\nnum.partitions=3\nssl.foo=x\n",
                                        "f", {"baz=1", "foo=over"});
    REQUIRE(out.has_value());
    CHECK(out->warnings == std::vector<std::string>{
                               "f:3: num.partitions was already said in line 2; this value counts",
                               "--set: unknown configuration baz is ignored",
                               "--set: unknown configuration foo is ignored"});
    CHECK(*out->config.text("foo") == "over");
    CHECK(out->config.values().num_partitions == 3);
}

TEST_CASE(
    "dynamic values win over static ones, this broker's over all brokers'; what does not parse is "
    "passed over") {
    const BrokerConfig base = loaded("message.max.bytes=1\n", {"num.io.threads=3"});
    CHECK(base.int64("message.max.bytes") == 1);
    CHECK(base.int64("num.io.threads") == 3);
    CHECK(base.int64("num.network.threads") == 3);
    const BrokerConfig all = base.with_dynamic({}, {{"message.max.bytes", "2"}});
    CHECK(all.int64("message.max.bytes") == 2);
    const BrokerConfig both =
        base.with_dynamic({{"message.max.bytes", "3"}}, {{"message.max.bytes", "2"}});
    CHECK(both.int64("message.max.bytes") == 3);
    CHECK(base.with_dynamic({{"message.max.bytes", "x"}}, {{"message.max.bytes", "2"}})
              .int64("message.max.bytes") == 2);
    CHECK(base.with_dynamic({}, {}).values() == base.values());
}

TEST_CASE("what nobody says is filled in, and node.id has two names") {
    const BrokerConfig base = BrokerConfig::defaults();
    CHECK(base.node_id() == 1);
    CHECK(loaded("broker.id=7\n").node_id() == 7);
    CHECK(loaded("node.id=7\n").int64("broker.id") == 7);
    CHECK(base.list("process.roles") == std::vector<std::string>{"broker", "controller"});
    CHECK(base.log_dirs() == std::vector<std::string>{"/tmp/kafka-logs"});
    CHECK(base.metadata_log_dir() == "/tmp/kafka-logs");
    CHECK(loaded("log.dirs=/a, /b\n").log_dirs() == std::vector<std::string>{"/a", "/b"});
    CHECK(loaded("log.dirs=/a\nmetadata.log.dir=/m\n").metadata_log_dir() == "/m");
    CHECK(base.values().metrics_port == 0);
}

TEST_CASE("fallbacks count only where nobody says anything") {
    const std::vector<std::string> fallbacks = {"num.partitions=5", "log.roll.hours=6",
                                                "min.insync.replicas=7"};
    const auto out = BrokerConfig::load("num.partitions=1\n", "f", {"log.roll.hours=2"}, fallbacks);
    REQUIRE(out.has_value());
    CHECK(out->warnings.empty());
    CHECK(out->config.int32("num.partitions") == 1);
    CHECK(out->config.int32("log.roll.hours") == 2);
    CHECK(out->config.int32("min.insync.replicas") == 7);
}

TEST_CASE("listeners") {
    const BrokerConfig base = BrokerConfig::defaults();
    CHECK(base.listeners() == std::vector<Endpoint>{{"PLAINTEXT", "", 9092, "PLAINTEXT"}});
    CHECK(base.advertised_listeners() == base.listeners());
    const BrokerConfig two = loaded(
        "listeners=internal://[::1]:9092,CONTROLLER://"
        "localhost:9093\nlistener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:SSL\n"
        "inter.broker.listener.name=internal\nadvertised.listeners=INTERNAL://"
        "a.example:1\ncontroller.listener.names=CONTROLLER\n");
    CHECK(two.listeners() == std::vector<Endpoint>{{"INTERNAL", "::1", 9092, "PLAINTEXT"},
                                                   {"CONTROLLER", "localhost", 9093, "SSL"}});
    CHECK(two.advertised_listeners() ==
          std::vector<Endpoint>{{"INTERNAL", "a.example", 1, "PLAINTEXT"}});
    CHECK(two.is_controller_listener("controller"));
    // A port from the command line stands for itself.
    CHECK(loaded("listeners=PLAINTEXT://:9092,CONTROLLER://"
                 ":9093\ncontroller.listener.names=CONTROLLER\n",
                 {"listeners=PLAINTEXT://127.0.0.1:5"})
              .listeners() == std::vector<Endpoint>{{"PLAINTEXT", "127.0.0.1", 5, "PLAINTEXT"}});
}

TEST_CASE("times come from the finest unit that is said") {
    const BrokerConfig base = BrokerConfig::defaults();
    CHECK(base.log_retention_ms() == 604'800'000);
    CHECK(base.log_roll_ms() == 604'800'000);
    CHECK(base.log_roll_jitter_ms() == 0);
    CHECK(loaded("log.retention.hours=2\n").log_retention_ms() == 7'200'000);
    CHECK(loaded("log.retention.hours=2\nlog.retention.minutes=3\n").log_retention_ms() == 180'000);
    CHECK(loaded("log.retention.hours=2\nlog.retention.ms=4\n").log_retention_ms() == 4);
    CHECK(loaded("log.retention.ms=-5\n").log_retention_ms() == -1);
    CHECK(loaded("log.roll.jitter.hours=1\n").log_roll_jitter_ms() == 3'600'000);
}
