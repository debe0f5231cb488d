#include <doctest/doctest.h>

#include "streams/state/testing.h"
#include "streams/state_stores.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;

namespace {

using Log = std::vector<LoggedChange>;
void put(KeyValueState& state, const std::string& key, std::optional<std::string> value,
         TimestampMs timestamp = -1) {
    state.put(&key, value ? &*value : nullptr, timestamp);
}
std::string get(KeyValueState& state, const std::string& key) {
    return text(state.get(&key));
}
std::string range(KeyValueState& state, std::optional<std::string> from,
                  std::optional<std::string> to, Order order = Order::forward) {
    return text(state.range(from ? &*from : nullptr, to ? &*to : nullptr, order));
}

}  // namespace

TEST_CASE("a key-value store gets, puts, deletes, and gives ranges in the keys' order") {
    FakeStoreContext context;
    auto state = open_state<KeyValueState>(stores::persistent_key_value_store("s").spec, context);
    CHECK(get(*state, "a") == "-");
    put(*state, "b", "1");
    put(*state, "a", "2");
    put(*state, "ba", "3");
    put(*state, "\xff", "4");
    put(*state, "b", "5");
    CHECK(get(*state, "b") == "5");
    CHECK(state->approximate_entries() == 4);
    CHECK(range(*state, {}, {}) == "a=2 b=5 ba=3 \xff=4");
    CHECK(range(*state, "b", "ba") == "b=5 ba=3");
    CHECK(range(*state, "b", {}, Order::backward) == "\xff=4 ba=3 b=5");
    CHECK(range(*state, {}, "b") == "a=2 b=5");
    CHECK(range(*state, "b", "a") == "");
    CHECK(text(state->prefix("b")) == "b=5 ba=3");
    CHECK(text(state->prefix("\xff")) == "\xff=4");
    put(*state, "b", {});
    put(*state, "none", {});
    CHECK(get(*state, "b") == "-");
    CHECK(text(state->prefix("b")) == "ba=3");
}

TEST_CASE("the changelog of a store without timestamps has the record's") {
    FakeStoreContext context;
    auto state = open_state<KeyValueState>(stores::persistent_key_value_store("s").spec, context);
    context.now = 7;
    put(*state, "a", "1");
    context.now = 8;
    put(*state, "a", {});
    CHECK(context.log == Log{{"a", "1", 7}, {"a", std::nullopt, 8}});
}

TEST_CASE("a timestamped store keeps them, and its changelog has the value alone") {
    FakeStoreContext context;
    auto state = open_state<KeyValueState>(stores::persistent_timestamped_key_value_store("s").spec,
                                           context);
    context.now = 7;
    put(*state, "a", "1", 100);
    put(*state, "b", "2", 101);
    put(*state, "a", {});
    CHECK(range(*state, {}, {}) == "b=2@101");
    CHECK(context.log == Log{{"a", "1", 100}, {"b", "2", 101}, {"a", std::nullopt, 7}});

    FakeStoreContext other;
    auto restored =
        open_state<KeyValueState>(stores::persistent_timestamped_key_value_store("s").spec, other);
    for (const LoggedChange& change : context.log)
        restored->restore(change.key, view_of(change.value), *change.timestamp, {});
    CHECK(range(*restored, {}, {}) == "b=2@101");
    CHECK(other.log.empty());
}

TEST_CASE("a timestamped store over one without timestamps reads none") {
    FakeStoreContext context;
    StoreSpec spec =
        stores::typed(stores::persistent_key_value_store("s"), StoreKind::timestamped_key_value,
                      kTypeOf<std::string>, kTypeOf<std::string>, nullptr, nullptr, nullptr);
    CHECK(spec.drops_timestamps);
    auto state = open_state<KeyValueState>(spec, context);
    put(*state, "a", "1", 100);
    CHECK(get(*state, "a") == "1");
    CHECK(range(*state, {}, {}) == "a=1");
    CHECK(context.log == Log{{"a", "1", 100}});
    const StoreSpec in_memory =
        stores::typed(stores::in_memory_key_value_store("s"), StoreKind::timestamped_key_value,
                      kTypeOf<std::string>, kTypeOf<std::string>, nullptr, nullptr, nullptr);
    CHECK_FALSE(in_memory.drops_timestamps);
}

TEST_CASE("a store without logging logs nothing") {
    FakeStoreContext context;
    StoreSpec spec = stores::in_memory_key_value_store("s").spec;
    spec.logging = false;
    auto state = open_state<KeyValueState>(spec, context);
    put(*state, "a", "1");
    CHECK(context.log.empty());
}

TEST_CASE("of a map of the last used entries the others go, and the changelog tells") {
    FakeStoreContext context;
    context.now = 5;
    auto state = open_state<KeyValueState>(stores::lru_map("s", 2).spec, context);
    put(*state, "a", "1");
    put(*state, "b", "2");
    CHECK(get(*state, "a") == "1");
    context.log.clear();
    put(*state, "c", "3");
    CHECK(context.log == Log{{"b", std::nullopt, 5}, {"c", "3", 5}});
    CHECK(range(*state, {}, {}) == "a=1 c=3");
    put(*state, "a", {});
    put(*state, "d", "4");
    CHECK(range(*state, {}, {}) == "c=3 d=4");
    put(*state, "c", "5");
    context.log.clear();
    state->restore("e", "6", 0, {});
    CHECK(context.log.empty());
    CHECK(range(*state, {}, {}) == "c=5 e=6");
}

TEST_CASE("a null key is refused") {
    FakeStoreContext context;
    auto state = open_state<KeyValueState>(stores::persistent_key_value_store("s").spec, context);
    CHECK_THROWS_AS(state->get(nullptr), NullPointerException);
    CHECK_THROWS_AS(state->put(nullptr, nullptr, 0), NullPointerException);
}

TEST_CASE("handles are of one kind and types") {
    FakeStoreContext context;
    auto state = open_state<KeyValueState>(stores::persistent_key_value_store("s").spec, context);
    KeyValueStore<std::string, std::string> store(*state);
    CHECK(store.put_if_absent("a", "1") == std::nullopt);
    CHECK(store.put_if_absent("a", "2") == "1");
    CHECK(store.remove("a") == "1");
    CHECK(store.get("a") == std::nullopt);
    using Wrong = KeyValueStore<std::string, int64_t>;
    using Timestamped = TimestampedKeyValueStore<std::string, std::string>;
    CHECK_THROWS_AS(Wrong{*state}, InvalidStateStoreException);
    CHECK_THROWS_AS(Timestamped{*state}, InvalidStateStoreException);
}

TEST_CASE("suppliers refuse nonsense") {
    using namespace std::chrono_literals;
    CHECK_THROWS_AS(stores::lru_map("s", 0), IllegalArgumentException);
    CHECK_THROWS_AS(stores::persistent_window_store("s", -1ms, 1ms, false),
                    IllegalArgumentException);
    CHECK_THROWS_AS(stores::persistent_window_store("s", 1ms, 2ms, false),
                    IllegalArgumentException);
    CHECK_THROWS_AS(stores::persistent_session_store("s", -1ms), IllegalArgumentException);
    CHECK_THROWS_AS((stores::window_store_builder<std::string, std::string>(
                        stores::in_memory_key_value_store("s"))),
                    IllegalArgumentException);
}
