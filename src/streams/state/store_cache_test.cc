#include "streams/state/store_cache.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "streams/state/testing.h"
#include "streams/state_stores.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

void put(KeyValueState& state, const std::string& key, std::optional<std::string> value,
         TimestampMs timestamp = -1) {
    state.put(&key, value ? &*value : nullptr, timestamp);
}
std::string get(KeyValueState& state, const std::string& key) {
    return text(state.get(&key));
}
StoreSpec cached(StoreSupplier supplier) {
    supplier.spec.caching = true;
    return supplier.spec;
}
std::string keys_of(const std::vector<LoggedChange>& log) {
    std::string all;
    for (const LoggedChange& change : log) all += change.key + (change.value ? *change.value : "-");
    return all;
}

}  // namespace

TEST_CASE("a cached store holds its newest values back until it is flushed") {
    FakeStoreContext context;
    StoreCache cache(10'000);
    context.store_cache = &cache;
    auto state = open_state<KeyValueState>(
        cached(stores::persistent_timestamped_key_value_store("s")), context);
    REQUIRE(state->cached());
    std::string forwarded;
    state->set_flush_listener(
        [&](Ref key, Change change, TimestampMs timestamp) {
            const auto shown = [](Ref ref) {
                return ref ? *static_cast<const std::string*>(ref) : std::string("-");
            };
            forwarded += " " + shown(key) + "=" + shown(change.new_value) + "/" +
                         shown(change.old_value) + "@" + std::to_string(timestamp) + "," +
                         std::to_string(context.record_context()->timestamp);
        },
        true);
    context.now = 1;
    put(*state, "a", "1", 10);
    put(*state, "b", "2", 11);
    context.now = 2;
    put(*state, "a", "3", 12);
    put(*state, "gone", "4", 13);
    put(*state, "gone", {});
    CHECK(get(*state, "a") == "3@12");
    CHECK(get(*state, "gone") == "-");
    CHECK(text(state->range(nullptr, nullptr, Order::backward)) == "b=2@11 a=3@12");
    CHECK(context.log.empty());
    CHECK(state->approximate_entries() == 0);
    state->flush();
    // In the order of the last writes; what came and went was never there.
    CHECK(forwarded == " b=2/-@11,1 a=3/-@12,2");
    CHECK(keys_of(context.log) == "b2a3");
    forwarded.clear();
    context.now = 5;
    put(*state, "b", {});
    put(*state, "a", "5", 14);
    state->flush();
    state->flush();
    CHECK(forwarded == " b=-/2@5,5 a=5/3@14,5");
    CHECK(keys_of(context.log) == "b2a3b-a5");
}

TEST_CASE("over the budget, the least recently used go, and what is dirty is flushed with them") {
    FakeStoreContext context;
    StoreCache cache(3 * 50);  // three entries of 49 bytes: a key and a value of 1, topic of 2
    context.store_cache = &cache;
    auto state =
        open_state<KeyValueState>(cached(stores::persistent_key_value_store("s")), context);
    put(*state, "a", "1");
    put(*state, "b", "2");
    put(*state, "c", "3");
    CHECK(cache.bytes() == 3 * 49);
    CHECK(get(*state, "a") == "1");
    CHECK(context.log.empty());
    put(*state, "d", "4");
    CHECK(keys_of(context.log) == "b2a1c3d4");
    CHECK(cache.bytes() == 3 * 49);
    // Reading below fills the cache, which lets another go: a clean one.
    CHECK(get(*state, "b") == "2");
    CHECK(context.log.size() == 4);
    CHECK(cache.bytes() <= 3 * 50);
    state.reset();
    CHECK(cache.bytes() == 0);
}

TEST_CASE("stores that have no cache say so") {
    FakeStoreContext context;
    auto none = open_state<KeyValueState>(cached(stores::persistent_key_value_store("s")), context);
    CHECK_FALSE(none->cached());
    StoreCache cache(1000);
    context.store_cache = &cache;
    auto duplicates = open_state<WindowState>(
        cached(stores::persistent_window_store("w", 300s, 10ms, true)), context);
    CHECK_FALSE(duplicates->cached());
    auto plain = open_state<KeyValueState>(stores::persistent_key_value_store("s").spec, context);
    CHECK_FALSE(plain->cached());
}

TEST_CASE("a cached window store forwards windowed keys") {
    FakeStoreContext context;
    StoreCache cache(1000);
    context.store_cache = &cache;
    auto windows = open_state<WindowState>(
        cached(stores::persistent_window_store("w", 300s, 10ms, false)), context);
    auto sessions =
        open_state<SessionState>(cached(stores::persistent_session_store("s", 300s)), context);
    std::string forwarded;
    const FlushListener listener = [&](Ref key, Change change, TimestampMs timestamp) {
        const auto& windowed = *static_cast<const Windowed<std::string>*>(key);
        forwarded += windowed.key + std::to_string(windowed.window.start) + "-" +
                     std::to_string(windowed.window.end) + "=" +
                     *static_cast<const std::string*>(change.new_value) + "@" +
                     std::to_string(timestamp) + " ";
    };
    windows->set_flush_listener(listener, false);
    sessions->set_flush_listener(listener, false);
    context.now = 77;
    const std::string a = "a";
    windows->put(&a, &a, 20, -1);
    sessions->put(&a, {3, 8}, &a);
    CHECK(text(windows->all(Order::forward)) == "a[20,30]=a");
    CHECK(text(sessions->find(&a, &a, 0, 9, Order::forward)) == "a[3,8]=a");
    windows->flush();
    sessions->flush();
    CHECK(forwarded == "a20-30=a@77 a3-8=a@8 ");
}

TEST_CASE("a cached store reads as one without a cache, whatever its budget") {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        FakeStoreContext context;
        StoreCache cache(rng.below(600));
        context.store_cache = &cache;
        auto state =
            open_state<KeyValueState>(cached(stores::persistent_key_value_store("s")), context);
        std::map<std::string, std::string> model;
        const auto key = [&] { return std::string(1 + rng.below(2), "abc"[rng.below(3)]); };
        for (int step = 0; step < 150; ++step) {
            const std::string k = key();
            if (rng.below(3) == 0) {
                put(*state, k, {});
                model.erase(k);
            } else {
                put(*state, k, std::to_string(step));
                model[k] = std::to_string(step);
            }
            if (rng.below(10) == 0) state->flush();
            const std::string probe = key();
            REQUIRE(get(*state, probe) == (model.contains(probe) ? model[probe] : "-"));
            const std::string from = key();
            const std::string to = key();
            const bool backward = rng.below(2) == 0;
            auto it = state->range(&from, &to, backward ? Order::backward : Order::forward);
            // Nor does a flush change an iterator.
            if (rng.below(4) == 0) state->flush();
            std::string expected;
            for (const auto& [name, value] : model) {
                if (name < from || name > to) continue;
                const std::string entry = name + "=" + value;
                expected = expected.empty() ? entry
                           : backward       ? entry + " " + expected
                                            : expected + " " + entry;
            }
            REQUIRE(text(std::move(it)) == expected);
        }
        state->flush();
        // The changelog leads to the same.
        std::map<std::string, std::string> logged;
        for (const LoggedChange& change : context.log) {
            if (change.value)
                logged[change.key] = *change.value;
            else
                logged.erase(change.key);
        }
        REQUIRE(logged == model);
    }
}
