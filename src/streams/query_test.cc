#include "streams/query.h"

#include <doctest/doctest.h>

#include "streams/state/testing.h"

using namespace millrace;
using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

using Text = std::string;
using AllOf = RangeQuery<Text, Text>;

template <typename Q>
std::string reason(StateStore& store, const Q& asked) {
    auto answer = query(store, asked);
    return answer.is_failure() ? std::string(name_of(answer.failure_reason())) : "";
}
template <typename Iterator>
std::string keys(Iterator& iterator) {
    std::string all;
    while (auto entry = iterator.next()) all += entry->key;
    return all;
}

}  // namespace

TEST_CASE("key-value stores answer for keys and ranges") {
    FakeStoreContext context;
    auto plain = open_state<KeyValueState>(stores::in_memory_key_value_store("p").spec, context);
    auto timed = open_state<KeyValueState>(stores::persistent_timestamped_key_value_store("t").spec,
                                           context);
    for (const Text key : {"a", "b", "c"}) {
        plain->put(&key, &key, -1);
        timed->put(&key, &key, 7);
    }
    for (StateStore* store :
         {static_cast<StateStore*>(plain.get()), static_cast<StateStore*>(timed.get())}) {
        CHECK(query(*store, KeyQuery<Text, Text>::with_key("b")).result() == "b");
        CHECK(query(*store, KeyQuery<Text, Text>::with_key("x")).result() == std::nullopt);
        CHECK(keys(query(*store, AllOf::with_no_bounds()).result()) == "abc");
        CHECK(keys(query(*store, AllOf::with_range("b", "c").with_descending_keys()).result()) ==
              "cb");
        CHECK(keys(query(*store, AllOf::with_range("c", "b")).result()) == "");
        CHECK(reason(*store, VersionedKeyQuery<Text, Text>::with_key("a")) == "UNKNOWN_QUERY_TYPE");
        CHECK(reason(*store, WindowKeyQuery<Text, Text>::with_key_and_window_start_range(
                                 "a", 0, 9)) == "UNKNOWN_QUERY_TYPE");
    }
    const auto with_time = TimestampedKeyQuery<Text, Text>::with_key("a");
    CHECK(query(*timed, with_time).result() == ValueAndTimestamp<Text>{"a", 7});
    CHECK(reason(*plain, with_time) == "UNKNOWN_QUERY_TYPE");
    const auto from_b = TimestampedRangeQuery<Text, Text>::with_lower_bound("b");
    CHECK(query(*timed, from_b).result().next()->value.timestamp == 7);
    CHECK(reason(*plain, from_b) == "UNKNOWN_QUERY_TYPE");
    CHECK_THROWS_AS(query(*plain, KeyQuery<Text, int64_t>::with_key("b")),
                    InvalidStateStoreException);
    auto answer = query(*plain, with_time);
    CHECK_THROWS_AS(answer.result(), IllegalStateException);
}

TEST_CASE("window and session stores answer for windows") {
    FakeStoreContext context;
    auto windows = open_state<WindowState>(
        stores::persistent_window_store("w", 300s, 10ms, false).spec, context);
    auto sessions =
        open_state<SessionState>(stores::persistent_session_store("s", 300s).spec, context);
    const Text a = "a";
    const Text b = "b";
    windows->put(&a, &a, 10, -1);
    windows->put(&b, &b, 12, -1);
    sessions->put(&a, {5, 10}, &a);

    using OfKey = WindowKeyQuery<Text, Text>;
    using OfRange = WindowRangeQuery<Text, Text>;
    CHECK(
        query(*windows, OfKey::with_key_and_window_start_range("a", 0, 15)).result().next()->key ==
        10);
    CHECK(query(*windows, OfRange::with_window_start_range(11, 15)).result().next()->key ==
          Windowed<Text>{"b", {12, 22}});
    CHECK(reason(*windows, OfRange::with_key("a")) == "UNKNOWN_QUERY_TYPE");
    CHECK(query(*sessions, OfRange::with_key("a")).result().next()->key ==
          Windowed<Text>{"a", {5, 10}});
    CHECK(reason(*sessions, OfRange::with_window_start_range(0, 9)) == "UNKNOWN_QUERY_TYPE");
    CHECK(reason(*windows, AllOf::with_no_bounds()) == "UNKNOWN_QUERY_TYPE");
}

TEST_CASE("versioned stores answer for versions") {
    FakeStoreContext context;
    auto versions = open_state<VersionedState>(
        stores::persistent_versioned_key_value_store("v", 300s).spec, context);
    const Text a = "a";
    const Text b = "b";
    versions->put(&a, &a, 10);
    versions->put(&a, &b, 20);
    const auto one = VersionedKeyQuery<Text, Text>::with_key("a");
    CHECK(query(*versions, one).result()->timestamp == 20);
    CHECK(query(*versions, one.as_of(15)).result()->valid_to == 20);
    CHECK(query(*versions, one.as_of(9)).result() == std::nullopt);
    const auto many = MultiVersionedKeyQuery<Text, Text>::with_key("a");
    CHECK(query(*versions, many).result().next()->timestamp == 20);
    CHECK(query(*versions, many.with_ascending_timestamps()).result().next()->timestamp == 10);
    CHECK(query(*versions, many.to_time(19)).result().next()->timestamp == 10);
    CHECK(reason(*versions, TimestampedKeyQuery<Text, Text>::with_key("a")) ==
          "UNKNOWN_QUERY_TYPE");
    CHECK_THROWS_AS(query(*versions, KeyQuery<Text, Text>::with_key("a")),
                    UnsupportedOperationException);
    CHECK_THROWS_AS(query(*versions, AllOf::with_no_bounds()), UnsupportedOperationException);
}
