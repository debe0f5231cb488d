#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"
#include "streams/state/testing.h"
#include "streams/state_stores.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

constexpr TimestampMs kMax = std::numeric_limits<TimestampMs>::max();

void put(SessionState& state, const std::string& key, Window session,
         std::optional<std::string> value) {
    state.put(&key, session, value ? &*value : nullptr);
}
std::string find(SessionState& state, const std::string& key, TimestampMs earliest_end,
                 TimestampMs latest_start, Order order = Order::forward) {
    return text(state.find(&key, &key, earliest_end, latest_start, order));
}

void put_recorded(SessionState& state) {
    put(state, "a", {5, 10}, "1");
    put(state, "a", {3, 10}, "2");
    put(state, "a", {3, 8}, "3");
    put(state, "a", {0, 200000}, "4");
    put(state, "a", {7, 10}, "5");
    put(state, "aa", {1, 2}, "x");
    put(state, "a", {160000, 160000}, "6");
    put(state, "a", {150001, 160000}, "7");
}

}  // namespace

TEST_CASE("sessions are found in Kafka's order") {
    FakeStoreContext context;
    auto state =
        open_state<SessionState>(stores::persistent_session_store("s", 300s).spec, context);
    put_recorded(*state);
    CHECK(find(*state, "a", 0, kMax) ==
          "a[3,8]=3 a[3,10]=2 a[5,10]=1 a[7,10]=5 a[150001,160000]=7 a[160000,160000]=6 "
          "a[0,200000]=4");
    CHECK(find(*state, "a", 9, 5) == "a[3,10]=2 a[5,10]=1 a[0,200000]=4");
    CHECK(find(*state, "a", 9, 5, Order::backward) == "a[0,200000]=4 a[5,10]=1 a[3,10]=2");
    const std::string a = "a";
    CHECK(text(state->fetch_session(&a, 3, 10)) == "2");
    CHECK(text(state->fetch_session(&a, 4, 10)) == "-");
    CHECK(text(state->find(nullptr, nullptr, 0, 2, Order::forward)) == "aa[1,2]=x a[0,200000]=4");
}

TEST_CASE("sessions in memory that end together are found the latest start first") {
    FakeStoreContext context;
    auto state = open_state<SessionState>(stores::in_memory_session_store("s", 300s).spec, context);
    put_recorded(*state);
    CHECK(find(*state, "a", 0, kMax) ==
          "a[3,8]=3 a[7,10]=5 a[5,10]=1 a[3,10]=2 a[160000,160000]=6 a[150001,160000]=7 "
          "a[0,200000]=4");
    CHECK(find(*state, "a", 9, 5, Order::backward) == "a[0,200000]=4 a[3,10]=2 a[5,10]=1");
}

TEST_CASE("with time first sessions are found by end") {
    FakeStoreContext context;
    StoreSpec spec = stores::persistent_session_store("s", 300s).spec;
    spec.time_first = true;
    auto state = open_state<SessionState>(spec, context);
    put_recorded(*state);
    CHECK(text(state->find_by_end(3, 10)) == "a[3,8]=3 a[3,10]=2 a[5,10]=1 a[7,10]=5");
    CHECK(find(*state, "a", 9, 5) == "a[3,10]=2 a[5,10]=1 a[0,200000]=4");
}

TEST_CASE("a session's changelog has its end before its start") {
    FakeStoreContext context;
    context.now = 4;
    auto state =
        open_state<SessionState>(stores::persistent_session_store("s", 300s).spec, context);
    put(*state, "a", {3, 10}, "v");
    put(*state, "a", {3, 10}, {});
    Bytes key = "a";
    append_be(key, int64_t{10});
    append_be(key, int64_t{3});
    CHECK(context.log == std::vector<LoggedChange>{{key, "v", 4}, {key, std::nullopt, 4}});
    state->restore(key, "w", 0, {});
    CHECK(find(*state, "a", 0, kMax) == "a[3,10]=w");
    CHECK(context.log.size() == 2);
    CHECK_THROWS_AS(state->restore("short", "", 0, {}), ProcessorStateException);
}

TEST_CASE("sessions expire by their end") {
    FakeStoreContext context;
    auto state = open_state<SessionState>(stores::in_memory_session_store("s", 300s).spec, context);
    put(*state, "a", {300009, 300009}, "new");
    put(*state, "a", {1, 9}, "late");
    put(*state, "a", {1, 10}, "just in");
    CHECK(context.dropped_count == 1);
    CHECK(context.log.size() == 3);
    CHECK(find(*state, "a", 0, kMax) == "a[1,10]=just in a[300009,300009]=new");
}

TEST_CASE("session stores of any layout agree with a list") {
    struct Session {
        std::string key;
        Window window;
        std::string value;
    };
    for (uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        StoreSpec spec = stores::persistent_session_store("s", 100ms).spec;
        spec.time_first = rng.below(2) == 0;
        spec.segment_interval_ms = 1 + static_cast<int64_t>(rng.below(60));
        FakeStoreContext context;
        auto state = open_state<SessionState>(spec, context);
        std::vector<Session> model;
        TimestampMs observed = -1;
        const auto key = [&] {
            return std::string(std::string_view("\0ab", 3).substr(rng.below(3), rng.below(3)));
        };
        for (int step = 0; step < 80; ++step) {
            Session one{key(), {}, std::to_string(step)};
            one.window.start = static_cast<TimestampMs>(rng.below(40)) + step * 2;
            one.window.end = one.window.start + static_cast<TimestampMs>(rng.below(40));
            const int64_t interval = spec.segment_interval_ms;
            const bool removes = rng.below(4) == 0;
            put(*state, one.key, one.window, removes ? std::nullopt : std::optional(one.value));
            std::erase_if(model, [&](const Session& s) {
                return s.key == one.key && s.window == one.window;
            });
            if (!removes) model.push_back(one);
            observed = std::max(observed, one.window.end);

            const std::string wanted = key();
            const auto earliest_end = static_cast<TimestampMs>(rng.below(250));
            const auto latest_start = static_cast<TimestampMs>(rng.below(250));
            const auto matching = [&](TimestampMs oldest, auto matches, auto rank) {
                std::vector<Session> found;
                for (const Session& s : model)
                    if (s.window.end >= oldest && matches(s)) found.push_back(s);
                std::ranges::sort(found, {}, rank);
                std::string all;
                for (const Session& s : found)
                    all += (all.empty() ? "" : " ") + s.key + "[" + std::to_string(s.window.start) +
                           "," + std::to_string(s.window.end) + "]=" + s.value;
                return all;
            };
            REQUIRE(find(*state, wanted, earliest_end, latest_start) ==
                    matching(
                        observed - 99,
                        [&](const Session& s) {
                            return s.key == wanted && s.window.end >= earliest_end &&
                                   s.window.start <= latest_start;
                        },
                        [](const Session& s) { return std::pair(s.window.end, s.window.start); }));
            if (!spec.time_first) continue;
            REQUIRE(text(state->find_by_end(earliest_end, latest_start)) ==
                    matching(
                        std::max<TimestampMs>(observed - 100, 0) / interval * interval,
                        [&](const Session& s) {
                            return s.window.end >= earliest_end && s.window.end <= latest_start;
                        },
                        [](const Session& s) {
                            return std::tuple(s.window.end, s.window.start, s.key);
                        }));
        }
    }
}
