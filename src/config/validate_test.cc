#include "config/validate.h"

#include <doctest/doctest.h>

#include "config/broker_config.h"
#include "config/recorded.h"

using namespace millrace;
using namespace millrace::config;

namespace {

BrokerConfig recorded_broker() {
    const std::string_view text =
        "node.id=1\nprocess.roles=broker,controller\nlog.dirs=/data\n"
        "listeners=PLAINTEXT://127.0.0.1:31010,CONTROLLER://"
        "127.0.0.1:31011\nadvertised.listeners=PLAINTEXT://127.0.0.1:31010\n"
        "controller.listener.names=CONTROLLER\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,"
        "PLAINTEXT:PLAINTEXT\n";
    auto loaded = BrokerConfig::load(text, "server.properties", {});
    REQUIRE(loaded.has_value());
    CHECK(loaded->warnings.empty());
    return loaded->config.with_dynamic({}, {{"min.insync.replicas", "1"}});
}

Result<void> alter(const std::string& type, const std::string& resource,
                   const std::vector<Alteration>& alterations, const BrokerConfig& broker) {
    if (type == "topic") {
        const Overrides before = {{"retention.ms", "5000"}, {"cleanup.policy", "compact,delete"}};
        TRY(const Overrides after, apply_alterations(Scope::topic, before, alterations));
        return validate_topic(after, before, broker);
    }
    if (type == "broker") {
        TRY_OK(validate_broker_name(resource, broker.node_id()));
        const bool for_all = resource.empty();
        const Overrides& before =
            broker.level(for_all ? Source::dynamic_default_broker : Source::dynamic_broker);
        TRY(const Overrides after, apply_alterations(Scope::broker, before, alterations));
        return validate_broker(after, for_all, broker);
    }
    const Scope scope = type == "group" ? Scope::group : Scope::client_metrics;
    TRY(const Overrides after, apply_alterations(scope, {}, alterations));
    return scope == Scope::group ? validate_group(resource, after, broker)
                                 : validate_client_metrics(resource, after);
}

AlterOp op_named(const std::string& name) {
    if (name == "remove") return AlterOp::remove;
    if (name == "append") return AlterOp::append;
    return name == "subtract" ? AlterOp::subtract : AlterOp::set;
}

std::string unescaped(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            const char c = text[++i];
            out += c == 't' ? '\t' : c == 'n' ? '\n' : c;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

TEST_CASE("values are accepted and refused as by Apache Kafka") {
    const BrokerConfig broker = recorded_broker();
    size_t checked = 0;
    for (const auto& row : testing::recorded("validation.tsv")) {
        std::vector<Alteration> alterations;
        std::string shown = row[0] + " '" + row[1] + "' " + row[2];
        for (size_t i = 4; i + 1 < row.size(); i += 2) {
            alterations.push_back({row[i], op_named(row[2]), unescaped(row[i + 1])});
            shown += " " + row[i] + "='" + row[i + 1] + "'";
        }
        const auto result = alter(row[0], row[1], alterations, broker);
        CHECK_MESSAGE(static_cast<int>(result.code()) == std::stoi(row[3]), shown,
                      result ? "" : ": " + result.error().message);
        ++checked;
    }
    CHECK(checked > 500);
}

TEST_CASE("a refusal says what is wrong and what is allowed") {
    const BrokerConfig broker = BrokerConfig::defaults();
    CHECK(validate_topic({{"retention.ms", "-2"}}, {}, broker).error().message ==
          "retention.ms: the value '-2' is not allowed: at least -1");
    CHECK(validate_topic({{"no.such", "1"}}, {}, broker).error().message ==
          "Unknown topic configuration: no.such");
    CHECK(validate_topic({{"compression.type", "GZIP"}}, {}, broker).error().message ==
          "compression.type: the value 'GZIP' is not allowed: one of uncompressed, zstd, lz4, "
          "snappy, gzip, producer");
    CHECK(validate_broker({{"num.partitions", "3"}}, false, broker).error().message ==
          "These configurations cannot be altered while the broker runs: num.partitions");
    // A secret does not get into a message.
    CHECK(parse(*find(Scope::broker, "ssl.key.password"), "hunter2").has_value());
}

TEST_CASE("append and subtract work on the elements as written") {
    struct Case {
        AlterOp op;
        const char *current, *value, *after;
    };
    // Recorded: `current` null means that only the default (delete) is there.
    const Case cases[] = {
        {AlterOp::append, nullptr, "compact", "delete,compact"},
        {AlterOp::subtract, "delete,compact", "delete", "compact"},
        {AlterOp::subtract, "compact", "compact", ""},
        {AlterOp::append, "", "compact,compact", "compact"},
        {AlterOp::append, nullptr, "delete", "delete"},
        {AlterOp::subtract, nullptr, "delete", ""},
        {AlterOp::subtract, "delete, compact", " compact", "delete"},
        {AlterOp::subtract, "delete, compact", "compact", "delete, compact"},
        {AlterOp::append, "compact", "delete , compact", "compact,delete , compact"},
        {AlterOp::append, "compact", "", "compact,"},
    };
    for (const Case& c : cases) {
        Overrides current;
        if (c.current != nullptr) current["cleanup.policy"] = c.current;
        const auto after =
            apply_alterations(Scope::topic, current, {{"cleanup.policy", c.op, c.value}});
        REQUIRE(after.has_value());
        CHECK(after->at("cleanup.policy") == c.after);
    }
    const Overrides both = {{"retention.ms", "1"}, {"segment.ms", "2"}};
    CHECK(*apply_alterations(Scope::topic, both, {{"retention.ms", AlterOp::remove, {}}}) ==
          Overrides{{"segment.ms", "2"}});
    CHECK(apply_alterations(Scope::topic, {}, {{"retention.ms", AlterOp::set, {}}}).code() ==
          ErrorCode::invalid_request);
}

TEST_CASE(
    "tiered storage is refused while the broker has none, and is not taken back by accident") {
    const Overrides tiered = {{"remote.storage.enable", "true"}};
    CHECK(validate_topic(tiered, {}, BrokerConfig::defaults()).code() == ErrorCode::invalid_config);
    const auto loaded = BrokerConfig::load("", "", {"remote.log.storage.system.enable=true"});
    REQUIRE(loaded.has_value());
    const BrokerConfig& broker = loaded->config;
    CHECK(validate_topic(tiered, {}, broker).has_value());
    CHECK(validate_topic({{"remote.storage.enable", "true"}, {"cleanup.policy", "compact"}}, {},
                         broker)
              .code() == ErrorCode::invalid_config);
    CHECK(validate_topic({{"remote.storage.enable", "true"},
                          {"local.retention.ms", "10"},
                          {"retention.ms", "5"}},
                         {}, broker)
              .code() == ErrorCode::invalid_config);
    CHECK(validate_topic({}, tiered, broker).code() == ErrorCode::invalid_config);
    CHECK(validate_topic({{"remote.log.delete.on.disable", "true"}}, tiered, broker).has_value());
}

TEST_CASE("a match pattern from the outside is bounded") {
    CHECK(validate_client_metrics("cm", {{"match", "client_id=" + std::string(100'000, '(')}})
              .code() == ErrorCode::invalid_config);
    CHECK(validate_client_metrics("cm", {{"match", "client_id=a{999999}"}}).code() ==
          ErrorCode::invalid_config);
}
