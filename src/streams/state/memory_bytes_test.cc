#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "streams/state/ordered_bytes.h"

using namespace millrace;
using namespace millrace::streams;

namespace {

using Model = std::map<Bytes, Bytes>;

std::vector<std::pair<Bytes, Bytes>> expected(const Model& model, const Bytes& from,
                                              const NullableBytes& to, bool backward) {
    std::vector<std::pair<Bytes, Bytes>> all;
    for (const auto& [key, value] : model)
        if (key >= from && (!to || key < *to)) all.emplace_back(key, value);
    if (backward) std::reverse(all.begin(), all.end());
    return all;
}

Bytes random_key(Rng& rng) {
    Bytes key;
    for (uint64_t n = rng.below(3); n > 0; --n) key += static_cast<char>("ab\xff"[rng.below(3)]);
    return key;
}

void random_write(Rng& rng, OrderedBytes& bytes, Model& model) {
    const Bytes key = random_key(rng);
    switch (rng.below(5)) {
        case 0:
            bytes.erase(key);
            model.erase(key);
            return;
        case 1: {
            const Bytes to = random_key(rng);
            bytes.erase_range(key, to);
            if (key < to) model.erase(model.lower_bound(key), model.lower_bound(to));
            return;
        }
        default: {
            const Bytes value = std::to_string(rng.below(100));
            bytes.put(key, value);
            model[key] = value;
        }
    }
}

}  // namespace

TEST_CASE("after_prefix is the first key above all with the prefix") {
    CHECK(after_prefix("ab") == "ac");
    CHECK(after_prefix("a\xff\xff") == "b");
    CHECK(after_prefix("\xff") == std::nullopt);
    CHECK(after_prefix("") == std::nullopt);
}

TEST_CASE("bytes in memory are a map, and its iterators show it as it was") {
    for (uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        auto bytes = make_memory_bytes();
        Model model;
        struct Open {
            std::unique_ptr<BytesIterator> iterator;
            std::vector<std::pair<Bytes, Bytes>> left;  // in the other order
        };
        std::vector<Open> open;
        for (int step = 0; step < 60; ++step) {
            random_write(rng, *bytes, model);
            const Bytes probe = random_key(rng);
            const auto found = model.find(probe);
            REQUIRE(bytes->get(probe) ==
                    (found == model.end() ? std::nullopt : NullableBytes(found->second)));
            REQUIRE(bytes->approximate_entries() == static_cast<int64_t>(model.size()));
            if (rng.below(4) == 0) {
                const Bytes from = random_key(rng);
                const NullableBytes to =
                    rng.below(2) == 0 ? std::nullopt : NullableBytes(random_key(rng));
                const bool backward = rng.below(2) == 0;
                auto left = expected(model, from, to, backward);
                std::reverse(left.begin(), left.end());
                open.push_back({bytes->range(from, view_of(to), backward), std::move(left)});
            }
            for (Open& one : open) {
                REQUIRE(one.iterator->valid() == !one.left.empty());
                if (one.left.empty()) continue;
                REQUIRE(one.iterator->key() == one.left.back().first);
                REQUIRE(one.iterator->value() == one.left.back().second);
                if (rng.below(2) == 0) {
                    one.iterator->next();
                    one.left.pop_back();
                }
            }
        }
    }
}
