#include "config/loggers.h"

#include <doctest/doctest.h>

#include "base/log.h"

namespace millrace::config {
namespace {

std::string level_of(std::string_view logger) {
    const auto found = describe_loggers(Keys{{std::string(logger)}});
    return found.size() == 1 && found[0].name == logger ? *found[0].value : "none";
}

Alteration set(std::string name, std::string level) {
    return {.name = std::move(name), .op = AlterOp::set, .value = std::move(level)};
}

// Each test leaves the log as it found it.
struct LevelsRestored {
    log::Level level = log::level();
    ~LevelsRestored() {
        log::set_level(level);
        for (const std::string_view room : log::kRooms)
            log::set_level(*log::Room::named(room), std::nullopt);
    }
};

TEST_CASE("loggers: the root and every room, sorted") {
    const auto all = describe_loggers({});
    CHECK(all.size() == std::size(log::kRooms) + 1);
    CHECK(std::ranges::is_sorted(all, {}, &Described::name));
    for (const Described& logger : all) {
        CHECK(logger.source == Source::dynamic_broker_logger);
        CHECK(!logger.read_only);
        CHECK(*logger.value == level_of("root"));
    }
    CHECK(describe_loggers(Keys{{"kafka.server.KafkaApis"}}).empty());
}

TEST_CASE("loggers: rooms follow the root until they have a level, and again without it") {
    const LevelsRestored restored;
    REQUIRE(alter_loggers({set("root", "WARN")}, false));
    CHECK(level_of("storage") == "WARN");
    REQUIRE(alter_loggers({set("storage", "TRACE"), set("root", "ERROR")}, false));
    CHECK(level_of("storage") == "DEBUG");
    CHECK(level_of("group") == "ERROR");
    REQUIRE(alter_loggers({{.name = "storage", .op = AlterOp::remove, .value = {}}}, false));
    CHECK(level_of("storage") == "ERROR");
    REQUIRE(alter_loggers({set("root", "FATAL")}, false));
    CHECK(level_of("root") == "FATAL");
    CHECK(log::level() == log::Level::off);
}

TEST_CASE("loggers: only lines of the level reach the sink") {
    const LevelsRestored restored;
    std::vector<std::string> lines;
    log::set_sink([&](log::Level, std::string_view room, std::string_view message) {
        lines.push_back(fmt::format("{} {}", room, message));
    });
    log::set_level(log::Level::warn);
    REQUIRE(alter_loggers({set("storage", "DEBUG"), set("group", "ERROR")}, false));
    LOG_DEBUG("storage", "{}", 1);
    LOG_INFO("broker", "{}", 2);
    LOG_WARN("broker", "{}", 3);
    LOG_WARN("group", "{}", 4);
    log::set_sink({});
    CHECK(lines == std::vector<std::string>{"storage 1", "broker 3"});
}

TEST_CASE("loggers: a refused alteration changes nothing") {
    const LevelsRestored restored;
    const std::string before = level_of("root");
    const Alteration good = set("storage", before == "WARN" ? "ERROR" : "WARN");
    struct Row {
        Alteration bad;
        ErrorCode error;
    };
    const Row rows[] = {
        {set("kafka.server", "INFO"), ErrorCode::invalid_config},
        {{.name = "kafka.server", .op = AlterOp::remove, .value = {}}, ErrorCode::invalid_config},
        {set("group", "LOUD"), ErrorCode::invalid_config},
        {set("group", "info"), ErrorCode::invalid_config},
        {set("group", "OFF"), ErrorCode::invalid_config},
        {{.name = "group", .op = AlterOp::set, .value = {}}, ErrorCode::invalid_request},
        {{.name = "group", .op = AlterOp::append, .value = "INFO"}, ErrorCode::invalid_request},
        {{.name = "group", .op = AlterOp::subtract, .value = "INFO"}, ErrorCode::invalid_request},
        {{.name = "root", .op = AlterOp::remove, .value = {}}, ErrorCode::invalid_request},
        {good, ErrorCode::invalid_request},
    };
    for (const Row& row : rows) {
        CAPTURE(row.bad.name);
        CHECK(alter_loggers({good, row.bad}, false).error().code == row.error);
        CHECK(level_of("storage") == before);
    }
    CHECK(alter_loggers({good}, true));
    CHECK(level_of("storage") == before);
}

}  // namespace
}  // namespace millrace::config
