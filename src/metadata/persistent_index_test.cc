#include "metadata/persistent_index.h"

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "base/random.h"

namespace millrace::metadata {
namespace {

struct Item {
    std::string key;
    int value;
};
struct ItemKey {
    const std::string& operator()(const Item& item) const { return item.key; }
};
struct GoodHash {
    uint64_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
// Few values, so that objects with equal hashes meet.
struct BadHash {
    uint64_t operator()(std::string_view s) const { return s.size() % 3; }
};

template <typename Index>
std::map<std::string, int> contents(const Index& index) {
    std::map<std::string, int> all;
    index.for_each([&](const auto& item) { all[item->key] = item->value; });
    return all;
}

template <typename Hash>
void against_model(uint64_t seed, size_t keys) {
    using Index = PersistentIndex<Item, ItemKey, Hash>;
    Rng rng(seed);
    Edit edit;
    Index index;
    std::map<std::string, int> model;
    std::vector<std::pair<Index, std::map<std::string, int>>> versions;
    for (int step = 0; step < 3000; ++step) {
        std::string key(rng.below(4), 'x');
        key += std::to_string(rng.below(keys));
        if (rng.chance(0.6)) {
            index.set(std::make_shared<Item>(key, step), edit);
            model[key] = step;
        } else {
            REQUIRE(index.erase(key, edit) == (model.erase(key) == 1));
        }
        REQUIRE(index.size() == model.size());
        const Item* found = index.find(key);
        REQUIRE((found != nullptr) == model.contains(key));
        if (found) REQUIRE(found->value == model[key]);
        if (rng.chance(0.01)) {
            versions.emplace_back(index, model);
            edit.renew();
        }
    }
    REQUIRE(contents(index) == model);
    for (const auto& [old_index, old_model] : versions) REQUIRE(contents(old_index) == old_model);
}

TEST_CASE("an index holds what a map would, and old versions stay as they were") {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        against_model<GoodHash>(seed, 10);
        against_model<GoodHash>(seed, 2000);
        against_model<BadHash>(seed, 30);
    }
}

TEST_CASE("iteration order depends on the keys, not on the history") {
    using Index = PersistentIndex<Item, ItemKey, GoodHash>;
    Edit edit;
    Index forward, backward;
    for (int i = 0; i < 500; ++i) forward.set(std::make_shared<Item>(std::to_string(i), i), edit);
    for (int i = 999; i >= 0; --i) backward.set(std::make_shared<Item>(std::to_string(i), i), edit);
    for (int i = 500; i < 1000; ++i) REQUIRE(backward.erase(std::to_string(i), edit));
    std::vector<int> one, two;
    forward.for_each([&](const auto& item) { one.push_back(item->value); });
    backward.for_each([&](const auto& item) { two.push_back(item->value); });
    CHECK(one == two);
}

}  // namespace
}  // namespace millrace::metadata
