#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "streams/state/held_bytes.h"

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

// Random writes and reads; iterators are read on while more is written.
class Reading {
public:
    explicit Reading(uint64_t seed) : rng(seed) {}

    void step(OrderedBytes& bytes) {
        random_write(rng, bytes, model);
        const Bytes probe = random_key(rng);
        const auto found = model.find(probe);
        REQUIRE(bytes.get(probe) ==
                (found == model.end() ? std::nullopt : NullableBytes(found->second)));
        if (rng.below(4) == 0) begin(bytes);
        for (Open& one : open_) {
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
    void end() { open_.clear(); }

    Rng rng;
    Model model;

private:
    struct Open {
        std::unique_ptr<BytesIterator> iterator;
        std::vector<std::pair<Bytes, Bytes>> left;  // in the other order
    };
    void begin(OrderedBytes& bytes) {
        const Bytes from = random_key(rng);
        const NullableBytes to = rng.below(2) == 0 ? std::nullopt : NullableBytes(random_key(rng));
        const bool backward = rng.below(2) == 0;
        auto left = expected(model, from, to, backward);
        std::reverse(left.begin(), left.end());
        open_.push_back({bytes.range(from, view_of(to), backward), std::move(left)});
    }
    std::vector<Open> open_;
};

Model content(OrderedBytes& bytes) {
    Model all;
    for (auto it = bytes.range("", std::nullopt, false); it->valid(); it->next())
        all.emplace(it->key(), it->value());
    return all;
}

// Lets the test look at what is below.
class Lent final : public OrderedBytes {
public:
    explicit Lent(OrderedBytes& bytes) : bytes_(bytes) {}
    NullableBytes get(BytesView key) override { return bytes_.get(key); }
    void put(BytesView key, BytesView value) override { bytes_.put(key, value); }
    void erase(BytesView key) override { bytes_.erase(key); }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        return bytes_.range(from, to, backward);
    }
    void erase_range(BytesView from, BytesView to) override { bytes_.erase_range(from, to); }
    int64_t approximate_entries() override { return bytes_.approximate_entries(); }

private:
    OrderedBytes& bytes_;
};

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
        Reading reading(seed);
        auto bytes = make_memory_bytes();
        for (int step = 0; step < 60; ++step) {
            reading.step(*bytes);
            REQUIRE(bytes->approximate_entries() == static_cast<int64_t>(reading.model.size()));
        }
        reading.end();
    }
}

TEST_CASE("held bytes are a map too, and go down together or not at all") {
    for (uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Reading reading(seed);
        auto below = make_memory_bytes();
        HeldBytes bytes(std::make_unique<Lent>(*below));
        for (int step = 0; step < 10; ++step) reading.step(bytes);
        REQUIRE(content(*below) == reading.model);
        bytes.hold();
        Model committed = reading.model;
        for (int step = 0; step < 80; ++step) {
            reading.step(bytes);
            REQUIRE(content(*below) == committed);
            if (reading.rng.below(15) > 0) continue;
            reading.end();
            bytes.write_down();
            CHECK(bytes.held() == 0);
            committed = reading.model;
            REQUIRE(content(*below) == committed);
        }
        reading.end();
    }
}
