#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/random.h"
#include "streams/state/testing.h"
#include "streams/state_stores.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

std::string text_of(const VersionedValue& version) {
    if (!version) return "-";
    return version.value.as<std::string>() + "@" + std::to_string(version.timestamp) + ">" +
           (version.valid_to ? std::to_string(*version.valid_to) : "-");
}
std::string history(VersionedState& state, const std::string& key, TimestampMs from, TimestampMs to,
                    Order order) {
    std::string all;
    for (auto it = state.history(&key, from, to, order); auto version = it->next();)
        all += " " + text_of(*version);
    return all;
}
int64_t put(VersionedState& state, const std::string& key, std::optional<std::string> value,
            TimestampMs timestamp) {
    return state.put(&key, value ? &*value : nullptr, timestamp);
}
std::unique_ptr<VersionedState> open_versioned(FakeStoreContext& context, int64_t history,
                                               int64_t segment = 0) {
    return open_state<VersionedState>(
        stores::persistent_versioned_key_value_store("v", std::chrono::milliseconds(history),
                                                     std::chrono::milliseconds(segment))
            .spec,
        context);
}

}  // namespace

TEST_CASE("a versioned store answers as Kafka's does") {
    std::ifstream in("tests/data/streams/versioned.txt");
    REQUIRE(in.good());
    FakeStoreContext context;
    std::unique_ptr<VersionedState> state;
    int answers = 0;
    for (std::string line; std::getline(in, line);) {
        CAPTURE(line);
        std::istringstream words(line);
        std::string verb;
        std::string key;
        words >> verb;
        if (verb == "#") continue;
        if (verb == "history") {
            int64_t retention = 0;
            words >> retention;
            state = open_versioned(context, retention);
            continue;
        }
        words >> key;
        if (verb == "put") {
            TimestampMs timestamp = 0;
            std::string value;
            words >> timestamp >> value;
            put(*state, key, value == "-" ? std::nullopt : std::optional(value), timestamp);
            continue;
        }
        std::string answer;
        if (verb == "get") {
            answer = " " + text_of(state->get(&key));
        } else if (verb == "as-of") {
            TimestampMs time = 0;
            words >> time;
            answer = " " + text_of(state->get(&key, time));
        } else {
            TimestampMs from = 0;
            TimestampMs to = 0;
            words >> from >> to;
            answer = history(*state, key, from, to,
                             verb == "ascending" ? Order::forward : Order::backward);
        }
        REQUIRE(answer == line.substr(line.find("->") + 2));
        ++answers;
    }
    CHECK(answers > 500);
}

TEST_CASE("a put tells until when its version is valid") {
    FakeStoreContext context;
    auto state = open_versioned(context, 100);
    CHECK(put(*state, "k", "a", 50) == VersionedState::kLatest);
    CHECK(put(*state, "k", "b", 30) == 50);
    CHECK(put(*state, "k", "c", 40) == 50);
    CHECK(put(*state, "k", {}, 35) == 40);
    CHECK(put(*state, "k", "d", 50) == VersionedState::kLatest);
    CHECK(put(*state, "k", {}, 200) == VersionedState::kLatest);
    CHECK(put(*state, "k", "e", 99) == VersionedState::kNotPut);
    CHECK(put(*state, "k", "f", 100) == 200);
    CHECK(context.dropped_count == 1);
    CHECK(history(*state, "k", 0, 300, Order::forward) == " b@30>35 c@40>50 d@50>100 f@100>200");
    CHECK(context.log.size() == 8);
    CHECK(context.log[6] == LoggedChange{"k", "e", 99});
    CHECK(context.log[5] == LoggedChange{"k", std::nullopt, 200});
}

TEST_CASE("a versioned store is restored from its changelog") {
    FakeStoreContext context;
    auto state = open_versioned(context, 100);
    put(*state, "k", "a", 50);
    put(*state, "k", "b", 30);
    put(*state, "k", {}, 60);
    put(*state, "other", "c", 60);
    FakeStoreContext other;
    auto restored = open_versioned(other, 100);
    for (const LoggedChange& change : context.log)
        restored->restore(change.key, view_of(change.value), *change.timestamp, {});
    CHECK(history(*restored, "k", 0, 300, Order::backward) == " a@50>60 b@30>50");
    const std::string key = "k";
    CHECK(text_of(restored->get(&key)) == "-");
    CHECK(other.log.empty());
}

TEST_CASE("inside its history a versioned store agrees with a map of maps") {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        FakeStoreContext context;
        const int64_t retention = 100;
        auto state = open_versioned(context, retention, 1 + static_cast<int64_t>(rng.below(60)));
        std::map<std::string, std::map<TimestampMs, std::optional<std::string>>> model;
        TimestampMs observed = -1;
        for (int step = 0; step < 100; ++step) {
            const std::string key(rng.below(3), 'k');
            const auto time = static_cast<TimestampMs>(rng.below(120)) + step;
            std::optional<std::string> value;
            if (rng.below(4) != 0) value = std::to_string(step);
            const bool late = time < observed - retention;
            observed = std::max(observed, time);
            const int64_t result = put(*state, key, value, time);
            auto& versions = model[key];
            const auto same = versions.find(time);
            const bool taken_back = !value && same != versions.end() && same->second &&
                                    std::next(same) == versions.end();
            if (taken_back && (same == versions.begin() || !std::prev(same)->second))
                versions.erase(same);
            else if (!late)
                versions[time] = value;
            const auto next = versions.upper_bound(time);
            REQUIRE(result == (late                     ? VersionedState::kNotPut
                               : next == versions.end() ? VersionedState::kLatest
                                                        : next->first));

            const TimestampMs as_of = std::max<TimestampMs>(0, observed - retention) +
                                      static_cast<TimestampMs>(rng.below(120));
            std::string expected = "-";
            const auto after = versions.upper_bound(as_of);
            if (after != versions.begin() && std::prev(after)->second)
                expected = *std::prev(after)->second + "@" +
                           std::to_string(std::prev(after)->first) + ">" +
                           (after == versions.end() ? "-" : std::to_string(after->first));
            REQUIRE(text_of(state->get(&key, as_of)) == expected);
        }
    }
}
