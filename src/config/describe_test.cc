#include "config/describe.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/log.h"
#include "config/properties.h"
#include "config/recorded.h"
#include "config/topic_config.h"

using namespace millrace;
using namespace millrace::config;

namespace {

std::string shown(const std::optional<std::string>& text) {
    return text.value_or("\\N");
}

// As the lines of the recording.
std::vector<std::string> lines_of(std::string_view what, const std::vector<Described>& entries) {
    std::vector<std::string> out;
    for (const Described& e : entries) {
        if (e.name.starts_with("millrace.")) continue;
        std::string line = fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", what, e.name, shown(e.value),
                                       e.read_only ? "ro" : "rw", e.sensitive ? "secret" : "open",
                                       static_cast<int>(e.source), e.type);
        for (const DescribedSynonym& s : e.synonyms) {
            line += fmt::format("\t{}={}@{}", s.name, shown(s.value), static_cast<int>(s.source));
        }
        out.push_back(line);
    }
    return out;
}

struct Recording {
    std::map<std::string, Overrides> given;
    std::map<std::string, std::vector<std::string>> lines;  // by what is described
};

Recording read(const std::string& name) {
    Recording out;
    for (const auto& row : testing::recorded(name)) {
        if (row[0] == "given") {
            out.given[row[1]][row[2]] = row[3];
            continue;
        }
        std::string line = row[0];
        for (size_t i = 1; i < row.size(); ++i) line += "\t" + row[i];
        out.lines[row[0]].push_back(line);
    }
    return out;
}

void compare(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
    for (const std::string& line : theirs)
        CHECK_MESSAGE(std::ranges::find(ours, line) != ours.end(), "missing: ", line);
    for (const std::string& line : ours)
        CHECK_MESSAGE(std::ranges::find(theirs, line) != theirs.end(), "too much: ", line);
    CHECK(ours == theirs);
}

}  // namespace

TEST_CASE("DescribeConfigs' content is Apache Kafka's") {
    for (const char* file : {"describe_fresh.tsv", "describe_altered.tsv"}) {
        CAPTURE(file);
        Recording r = read(file);
        std::string text;
        for (const auto& [name, value] : r.given["static"]) text += format_property(name, value);
        const auto loaded = BrokerConfig::load(text, "server.properties", {});
        REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
        const BrokerConfig broker = loaded->config.with_dynamic(r.given["dynamic_broker"],
                                                                r.given["dynamic_default_broker"]);
        compare(lines_of("topic", describe_topic(r.given["topic"], broker, {})), r.lines["topic"]);
        compare(lines_of("broker", describe_broker(broker, {})), r.lines["broker"]);
        compare(lines_of("broker_defaults", describe_broker_defaults(broker, {})),
                r.lines["broker_defaults"]);
        compare(lines_of("group", describe_group(r.given["group"], broker, {})), r.lines["group"]);
        compare(lines_of("client_metrics", describe_client_metrics(r.given["client_metrics"], {})),
                r.lines["client_metrics"]);

        std::vector<std::string> created;
        for (const auto& e : effective_topic_configs(r.given["topic"], broker)) {
            created.push_back(fmt::format("created\t{}\t{}\trw\topen\t{}", e.name, shown(e.value),
                                          static_cast<int>(e.source)));
        }
        compare(created, r.lines["created"]);
    }
}

TEST_CASE("keys choose, and what they do not find is left out") {
    const BrokerConfig broker = BrokerConfig::defaults();
    const auto some = describe_topic(
        {}, broker, Keys{{"flush.ms", "no.such", "internal.segment.bytes", "flush.ms"}});
    REQUIRE(some.size() == 1);
    CHECK(some[0].name == "flush.ms");
    CHECK(describe_topic({}, broker, Keys{std::vector<std::string>{}}).size() ==
          describe_topic({}, broker, {}).size());
}
