#include <doctest/doctest.h>

#include "streams/dsl/testing.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

struct Step {
    Text topic;
    MaybeText value;
    TimestampMs time;
    Text inner;
    Text left;
    Text outer;
};

}  // namespace

TEST_CASE("two tables meet by key, whichever side changes") {
    const Step steps[] = {
        {"l", "L1", 5, "", "k=L1+null@5", "k=L1+null@5"},
        {"r", "R1", 3, "k=L1+R1@5", "k=L1+R1@5", "k=L1+R1@5"},
        {"r", "R2", 9, "k=L1+R2@9", "k=L1+R2@9", "k=L1+R2@9"},
        {"l", std::nullopt, 7, "k=null@9", "k=null@9", "k=null+R2@9"},
        {"l", std::nullopt, 8, "k=null@9", "k=null@9", "k=null+R2@9"},
        {"r", std::nullopt, 10, "", "", "k=null@10"},
        {"r", std::nullopt, 11, "", "", ""},
        {"r", "R3", 12, "", "", "k=null+R3@12"},
        {"l", "L2", 4, "k=L2+R3@12", "k=L2+R3@12", "k=L2+R3@12"},
        {"r", std::nullopt, 13, "k=null@13", "k=L2+null@13", "k=L2+null@13"},
    };
    const auto build = [](StreamsBuilder& builder, int kind) {
        const auto left = builder.table<Text, Text>("l");
        const auto right = builder.table<Text, Text>("r");
        const auto joined = kind == 0   ? left.join(right, plus)
                            : kind == 1 ? left.left_join(right, plus)
                                        : left.outer_join(right, plus);
        joined.to_stream().to("out");
    };
    for (int kind = 0; kind < 3; ++kind) {
        CAPTURE(kind);
        StreamsBuilder builder;
        build(builder, kind);
        Run run(builder);
        for (const Step& step : steps) {
            CAPTURE(step.topic);
            CAPTURE(step.time);
            CHECK(run(step.topic, "k", step.value, step.time) == (kind == 0   ? step.inner
                                                                  : kind == 1 ? step.left
                                                                              : step.outer));
        }
    }
}

TEST_CASE("a join whose result is kept under a name needs no serde for it") {
    const auto kept = [](const Text& name) { return Materialized<Text, Text>::as(name); };
    StreamsBuilder builder;
    const auto left = builder.table<Text, Text>("l");
    const auto right = builder.table<Text, Text>("r");
    left.join(right, plus, {}, kept("by-key")).to_stream().to("out");
    left.join(
            right, [](const Text& value) { return value; }, plus, {}, kept("by-foreign-key"))
        .map_values([](const Text& v) { return v; }, {}, std::optional(kept("mapped")))
        .to_stream()
        .to("foreign");
    Run run(builder);
    run("r", "k", "R", 1);
    CHECK(run("l", "k", "k", 2) == "k=k+R@2");
    CHECK(run.out("foreign") == "k=k+R@2");
    using Store = TimestampedKeyValueStore<Text, Text>;
    for (const Text name : {"by-key", "by-foreign-key", "mapped"})
        CHECK(run.driver.store<Store>(name).get("k")->value == "k+R");
}

TEST_CASE("a join that is kept nowhere is computed for who reads it") {
    StreamsBuilder builder;
    const auto joined =
        builder.table<Text, Text>("l").outer_join(builder.table<Text, Text>("r"), plus);
    builder.stream<Text, Text>("s").left_join(joined, plus).to("out");
    Run run(builder);
    CHECK(run("s", "k", "S", 0) == "k=S+null@0");
    run("r", "k", "R", 1);
    CHECK(run("s", "k", "S", 0) == "k=S+null+R@0");
    run("l", "k", "L", 1);
    CHECK(run("s", "k", "S", 0) == "k=S+L+R@0");
    CHECK(run.driver.all_state_stores().size() == 2);
}

TEST_CASE("a foreign key's table answers those who name it, and again as it changes") {
    StreamsBuilder builder;
    const auto foreign = [](const Text& v) {
        return v.empty() ? std::nullopt : std::optional(v.substr(0, 1));
    };
    builder.table<Text, Text>("l")
        .join(builder.table<Text, Text>("r"), foreign, plus)
        .to_stream()
        .to("out");
    Run run(builder);

    run("r", "p", "P", 4);
    CHECK(run("l", "1", "p1", 2) == "1=p1+P@4");
    CHECK(run("l", "2", "p2", 5) == "2=p2+P@5");
    CHECK(run("r", "p", "Q", 6) == "1=p1+Q@6 2=p2+Q@6");
    CHECK(run("l", "1", "q1", 7) == "1=null@7");  // its new key is not there
    CHECK(run("l", "1", "q2", 8) == "");          // still not: nothing to take back
    CHECK(run("l", "2", "", 9) == "2=null@9");    // no key any more
    CHECK(run("r", "p", "R", 10) == "");          // nobody is left
    CHECK(run("r", "q", "Z", 1) == "1=q2+Z@1");   // the right record's time
    CHECK(run("l", "1", std::nullopt, 11) == "1=null@11");
    CHECK(run("l", "1", std::nullopt, 12) == "");
}

TEST_CASE("a left join by a foreign key has a result for every left value") {
    StreamsBuilder builder;
    const auto foreign = [](const Text& v) {
        return v.empty() ? std::nullopt : std::optional(v.substr(0, 1));
    };
    builder.table<Text, Text>("l")
        .left_join(builder.table<Text, Text>("r"), foreign, plus)
        .to_stream()
        .to("out");
    Run run(builder);

    CHECK(run("l", "1", "p1", 2) == "1=p1+null@2");
    CHECK(run("l", "2", "", 3) == "2=+null@3");
    CHECK(run("r", "p", "P", 4) == "1=p1+P@4");
    CHECK(run("r", "p", std::nullopt, 5) == "1=p1+null@5");
    CHECK(run("l", "1", std::nullopt, 6) == "1=null@6");
}

TEST_CASE("a global table is met by any key, also of records without one") {
    StreamsBuilder builder;
    const auto global = builder.global_table<Text, Text>("g");
    const auto key = [](const Text*, const Text& v) { return v; };
    builder.stream<Text, Text>("s").join(global, key, plus).to("out");
    builder.stream<Text, Text>("s2").left_join(global, key, plus).to("out");
    Run run(builder);
    run("g", "a", "A", 9);
    CHECK(run("s", std::nullopt, "a", 1) == "null=a+A@1");
    CHECK(run("s", "k", "b", 2) == "");
    CHECK(run("s2", "k", "b", 2) == "k=b+null@2");
}
