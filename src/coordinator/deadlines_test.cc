#include "coordinator/deadlines.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"

namespace millrace::coordinator {
namespace {

TEST_CASE("deadlines fall due in the order of their times, then of being set") {
    Deadlines<std::string> d;
    CHECK(!d.next());
    d.set("b", 20);
    d.set("a", 10);
    d.set("c", 10);
    CHECK(d.next() == 10);
    CHECK(d.take_due(9).empty());
    CHECK(d.take_due(20) == std::vector<std::string>{"a", "c", "b"});
    CHECK(d.size() == 0);
}

TEST_CASE("setting again replaces, cancelling removes") {
    Deadlines<std::string> d;
    d.set("a", 10);
    d.set("a", 30);
    d.set("b", 20);
    CHECK(d.get("a") == 30);
    d.cancel("b");
    d.cancel("z");
    CHECK(d.next() == 30);
    d.set("ax", 1);
    d.set("b", 1);
    d.cancel_from("a", [](const std::string& key) { return !key.starts_with("a"); });
    CHECK(d.take_due(100) == std::vector<std::string>{"b"});
}

TEST_CASE("random use agrees with a plain map") {
    Rng rng{3};
    Deadlines<int> d;
    std::map<int, int64_t> model;
    int64_t now = 0;
    for (int i = 0; i < 20'000; i++) {
        int key = static_cast<int>(rng.below(50));
        switch (rng.below(4)) {
            case 0:
            case 1: {
                int64_t at = now + static_cast<int64_t>(rng.below(100));
                d.set(key, at);
                model[key] = at;
                break;
            }
            case 2:
                d.cancel(key);
                model.erase(key);
                break;
            default: {
                now += static_cast<int64_t>(rng.below(20));
                std::vector<int> due = d.take_due(now);
                std::ranges::sort(due);
                std::vector<int> expected;
                for (auto& [k, at] : model)
                    if (at <= now) expected.push_back(k);
                for (int k : expected) model.erase(k);
                REQUIRE(due == expected);
            }
        }
        REQUIRE(d.size() == model.size());
    }
}

}  // namespace
}  // namespace millrace::coordinator
