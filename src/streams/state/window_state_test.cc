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
using Log = std::vector<LoggedChange>;

void put(WindowState& state, const std::string& key, std::optional<std::string> value,
         TimestampMs start, TimestampMs timestamp = -1) {
    state.put(&key, value ? &*value : nullptr, start, timestamp);
}
std::string fetch(WindowState& state, const std::string& key, TimestampMs from = 0,
                  TimestampMs to = kMax, Order order = Order::forward) {
    return text(state.fetch(&key, from, to, order));
}
std::string fetch_keys(WindowState& state, const std::string& from, const std::string& to,
                       Order order = Order::forward) {
    return text(state.fetch_keys(&from, &to, 0, kMax, order));
}
std::string fetch_one(WindowState& state, const std::string& key, TimestampMs start) {
    return text(state.fetch(&key, start));
}

Bytes logged_key(const std::string& key, TimestampMs start, int32_t sequence = 0) {
    Bytes out = key;
    append_be(out, start);
    append_be(out, sequence);
    return out;
}

StoreSpec spec_of(StoreSupplier supplier, bool time_first = false) {
    supplier.spec.time_first = time_first;
    return supplier.spec;
}

// Puts of a recorded run of Kafka's stores, and what those then showed.
void put_recorded(WindowState& state) {
    put(state, "b", "b5", 5);
    put(state, "a", "a5", 5);
    put(state, "aa", "aa3", 3);
    put(state, "a", "a200k", 200000);
    put(state, "aa", "aa200k", 200001);
    put(state, "b", "b160k", 160000);
    put(state, "a", "a6", 6);
    put(state, "a", "a5x", 5);
}

}  // namespace

TEST_CASE("the order of a persistent window store: segment, key, start") {
    FakeStoreContext context;
    auto state = open_state<WindowState>(
        stores::persistent_window_store("s", 300s, 10ms, false).spec, context);
    put_recorded(*state);
    CHECK(text(state->all(Order::forward)) ==
          "a[5,15]=a5x a[6,16]=a6 aa[3,13]=aa3 b[5,15]=b5 a[200000,200010]=a200k "
          "aa[200001,200011]=aa200k b[160000,160010]=b160k");
    CHECK(fetch_keys(*state, "a", "aa", Order::backward) ==
          "aa[200001,200011]=aa200k a[200000,200010]=a200k aa[3,13]=aa3 a[6,16]=a6 a[5,15]=a5x");
    CHECK(fetch(*state, "a") == "5=a5x 6=a6 200000=a200k");
    CHECK(fetch(*state, "a", 6, 200000, Order::backward) == "200000=a200k 6=a6");
    CHECK(fetch_one(*state, "a", 5) == "a5x");
    CHECK(fetch_one(*state, "a", 7) == "-");
}

TEST_CASE("the order of a window store in memory, or with time first: start, key") {
    for (const StoreSpec& spec :
         {spec_of(stores::in_memory_window_store("s", 300s, 10ms, false)),
          spec_of(stores::persistent_window_store("s", 300s, 10ms, false), true),
          spec_of(stores::in_memory_window_store("s", 300s, 10ms, false), true)}) {
        FakeStoreContext context;
        auto state = open_state<WindowState>(spec, context);
        put_recorded(*state);
        CHECK(text(state->all(Order::forward)) ==
              "aa[3,13]=aa3 a[5,15]=a5x b[5,15]=b5 a[6,16]=a6 b[160000,160010]=b160k "
              "a[200000,200010]=a200k aa[200001,200011]=aa200k");
        CHECK(fetch_keys(*state, "a", "aa", Order::backward) ==
              "aa[200001,200011]=aa200k a[200000,200010]=a200k a[6,16]=a6 a[5,15]=a5x "
              "aa[3,13]=aa3");
        CHECK(fetch(*state, "a") == "5=a5x 6=a6 200000=a200k");
    }
}

TEST_CASE("duplicates stand beside each other, in the order of their puts") {
    FakeStoreContext context;
    context.now = 9;
    auto state = open_state<WindowState>(
        stores::persistent_window_store("s", 300s, 10ms, true).spec, context);
    put(*state, "a", "1", 5);
    put(*state, "b", "2", 5);
    put(*state, "a", "3", 5);
    CHECK(fetch(*state, "a") == "5=1 5=3");
    CHECK(fetch(*state, "a", 0, kMax, Order::backward) == "5=3 5=1");
    put(*state, "a", {}, 5);
    put(*state, "b", "4", 6);
    CHECK(text(state->all(Order::forward)) == "a[5,15]=1 a[5,15]=3 b[5,15]=2 b[6,16]=4");
    CHECK(context.log == Log{{logged_key("a", 5, 1), "1", 9},
                             {logged_key("b", 5, 2), "2", 9},
                             {logged_key("a", 5, 3), "3", 9},
                             {logged_key("a", 5, 4), std::nullopt, 9},
                             {logged_key("b", 6, 5), "4", 9}});

    FakeStoreContext other;
    auto restored =
        open_state<WindowState>(stores::persistent_window_store("s", 300s, 10ms, true).spec, other);
    for (const LoggedChange& change : context.log)
        restored->restore(change.key, view_of(change.value), *change.timestamp, {});
    put(*restored, "a", "5", 5);
    CHECK(fetch(*restored, "a") == "5=1 5=3 5=5");
}

TEST_CASE("windows expire, late puts are logged but dropped") {
    for (const StoreSpec& spec :
         {spec_of(stores::persistent_window_store("s", 300s, 10ms, false)),
          spec_of(stores::in_memory_window_store("s", 300s, 10ms, false)),
          spec_of(stores::persistent_window_store("s", 300s, 10ms, false), true)}) {
        FakeStoreContext context;
        auto state = open_state<WindowState>(spec, context);
        put(*state, "a", "1", 6);
        put(*state, "a", "2", 7);
        // Time first shows one millisecond more.
        put(*state, "b", "3", spec.time_first ? 300007 : 300006);
        CHECK(context.dropped_count == 0);
        CHECK(fetch(*state, "a") == "7=2");
        CHECK(fetch_one(*state, "a", 6) == "-");
        put(*state, "a", "4", 5);
        // On disk it is taken as long as there is its segment.
        CHECK(context.dropped_count == (spec.persistent ? 0 : 1));
        CHECK(context.log.back() == LoggedChange{logged_key("a", 5), "4", 0});
        CHECK(text(state->all(Order::forward)).find("=4") == std::string::npos);
    }
}

TEST_CASE("with time first on disk, windows of just one retention ago are still read") {
    for (const bool persistent : {true, false}) {
        FakeStoreContext context;
        StoreSpec spec = stores::persistent_window_store("s", 20ms, 10ms, false).spec;
        spec.persistent = persistent;
        spec.time_first = true;
        auto state = open_state<WindowState>(spec, context);
        put(*state, "a", "1", 9);
        put(*state, "a", "2", 10);
        put(*state, "a", "3", 30);
        CHECK(text(state->all(Order::forward)) ==
              (persistent ? "a[10,20]=2 a[30,40]=3" : "a[30,40]=3"));
        CHECK(fetch(*state, "a") == (persistent ? "10=2 30=3" : "30=3"));
        CHECK(fetch_one(*state, "a", 10) == (persistent ? "2" : "-"));
    }
}

TEST_CASE("a timestamped window store keeps the values' times") {
    FakeStoreContext context;
    auto state = open_state<WindowState>(
        stores::persistent_timestamped_window_store("s", 300s, 10ms, false).spec, context);
    context.now = 50;
    put(*state, "a", "1", 10, 12);
    put(*state, "a", {}, 20, -1);
    CHECK(fetch_one(*state, "a", 10) == "1@12");
    CHECK(context.log == Log{{logged_key("a", 10), "1", 12}, {logged_key("a", 20), {}, 50}});
    FakeStoreContext other;
    auto restored =
        open_state<WindowState>(stores::in_memory_window_store("s", 300s, 10ms, false).spec, other);
    CHECK_THROWS_AS(restored->restore("short", "", 0, {}), ProcessorStateException);
}

namespace {

struct Put {
    std::string key;
    TimestampMs start;
    std::string value;
};

// Everything that can be read of windows, naively.
struct Model {
    std::vector<Put> puts;
    int64_t retention;
    int64_t interval;
    bool by_time;
    bool keeps_oldest;  // time first on disk
    TimestampMs observed = -1;

    void put(const Put& one, bool deletes) {
        observed = std::max(observed, one.start);
        std::erase_if(puts, [&](const Put& p) { return p.key == one.key && p.start == one.start; });
        if (!deletes) puts.push_back(one);
    }
    std::string all(const std::string& from, const std::string& to, TimestampMs time_from,
                    TimestampMs time_to, Order order) const {
        std::vector<Put> found;
        const TimestampMs oldest = observed - retention + (keeps_oldest ? 0 : 1);
        for (const Put& p : puts)
            if (p.start >= oldest && p.key >= from && p.key <= to && p.start >= time_from &&
                p.start <= time_to)
                found.push_back(p);
        const auto rank = [&](const Put& p) {
            Bytes bytes;
            append_be(bytes, by_time ? p.start : p.start / interval);
            bytes += p.key;
            if (!by_time) append_be(bytes, p.start);
            return bytes;
        };
        std::ranges::sort(found, {}, rank);
        if (order == Order::backward) std::ranges::reverse(found);
        std::string text;
        for (const Put& p : found)
            text += (text.empty() ? "" : " ") + p.key + "[" + std::to_string(p.start) + "," +
                    std::to_string(p.start + 10) + "]=" + p.value;
        return text;
    }
};

std::string random_key(Rng& rng) {
    std::string key;
    for (uint64_t n = rng.below(3); n > 0; --n) key += std::string_view("\0ab", 3)[rng.below(3)];
    return key;
}

}  // namespace

TEST_CASE("window stores of any layout agree with a list") {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        const bool persistent = rng.below(2) == 0;
        const bool time_first = rng.below(2) == 0;
        StoreSpec spec = stores::in_memory_window_store("s", 100ms, 10ms, false).spec;
        spec.persistent = persistent;
        spec.time_first = time_first;
        spec.segment_interval_ms = 1 + static_cast<int64_t>(rng.below(60));
        Model model{.retention = 100,
                    .interval = spec.segment_interval_ms,
                    .by_time = !persistent || time_first,
                    .keeps_oldest = persistent && time_first};
        FakeStoreContext context;
        auto state = open_state<WindowState>(spec, context);
        for (int step = 0; step < 80; ++step) {
            const Put one{random_key(rng), static_cast<TimestampMs>(rng.below(50)) + step * 3,
                          std::to_string(step)};
            const bool deletes = rng.below(4) == 0;
            put(*state, one.key, deletes ? std::nullopt : std::optional(one.value), one.start);
            model.put(one, deletes);

            const Order order = rng.below(2) == 0 ? Order::forward : Order::backward;
            const std::string from = random_key(rng);
            const std::string to = random_key(rng);
            const auto time_from = static_cast<TimestampMs>(rng.below(300));
            const auto time_to = static_cast<TimestampMs>(rng.below(300));
            REQUIRE(text(state->fetch_keys(&from, &to, time_from, time_to, order)) ==
                    model.all(from, to, time_from, time_to, order));
            REQUIRE(text(state->all(order)) == model.all("", "\xff", 0, kMax, order));
            std::string windows;
            for (auto it = state->fetch(&from, time_from, time_to, order); auto w = it->next();)
                windows += (windows.empty() ? "" : " ") + from + "[" + std::to_string(w->start) +
                           "," + std::to_string(w->start + 10) + "]=" + text(w->value);
            REQUIRE(windows == model.all(from, from, time_from, time_to, order));
        }
    }
}
