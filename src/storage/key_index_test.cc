#include "storage/key_index.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "base/random.h"
#include "storage/key_model.h"
#include "storage/key_snapshot.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

void take_in(KeyIndex& index, const std::vector<uint8_t>& bytes) {
    REQUIRE(index.apply(*protocol::BatchView::parse(bytes)).has_value());
}
KeyIndex::Last find(const KeyIndex& index, std::string_view key, Offset start = 0,
                    ProducerId own = -1) {
    return index.find(as_bytes(key), start, own);
}

// By a snapshot, and back; the pieces go through one buffer, as they would through a file.
KeyIndex through_snapshot(const KeyIndex& index, uint64_t flip_bit = UINT64_MAX,
                          bool* refused = nullptr) {
    std::vector<uint8_t> file;
    KeySnapshotWriter writer(index, 7);
    for (auto piece = writer.next(); !piece.empty(); piece = writer.next())
        file.insert(file.end(), piece.begin(), piece.end());
    if (flip_bit != UINT64_MAX) {
        flip_bit %= file.size() * 8;
        file[flip_bit / 8] ^= static_cast<uint8_t>(1u << flip_bit % 8);
    }
    const auto header = KeySnapshotHeader::decode(file);
    if (!header) {
        *refused = true;
        return KeyIndex{{}};
    }
    CHECK(header->epoch == 7);
    CHECK(*header->file_bytes() == file.size());
    KeyIndex loaded(header->seed);
    KeySnapshotReader reader(loaded, *header);
    size_t at = KeySnapshotHeader::kBytes;
    while (const size_t wanted = reader.wanted()) {
        REQUIRE(at + wanted <= file.size());
        const auto taken = reader.take(ByteView{file}.subspan(at, wanted));
        if (!taken) {
            REQUIRE(refused);
            *refused = true;
            return KeyIndex{{}};
        }
        at += wanted;
    }
    CHECK(at == file.size());
    return loaded;
}

}  // namespace

TEST_CASE("the table of keys against std::map") {
    Rng rng{3};
    KeyTable table;
    std::map<std::pair<uint64_t, uint64_t>, Offset> model;
    // Few parts and few homes, so that searches run into each other and around the end.
    const auto some_hash = [&] { return KeyHash{rng.below(3) << 56, rng.below(600)}; };
    for (int i = 0; i < 40'000; ++i) {
        const KeyHash hash = some_hash();
        if (rng.chance(0.5)) {
            table.put(hash, i);
            model[{hash.first, hash.second}] = i;
        } else {
            table.erase(hash);
            model.erase({hash.first, hash.second});
        }
        if (i % 10'000 == 9'999) {
            table.erase_below(i - 5'000);
            std::erase_if(model, [&](const auto& e) { return e.second < i - 5'000; });
        }
        CHECK(table.size() == model.size());
        const KeyHash probe = some_hash();
        const auto found = model.find({probe.first, probe.second});
        CHECK(table.find(probe) == (found == model.end() ? -1 : found->second));
    }
    size_t seen = 0;
    for (size_t part = 0; part < KeyTable::kParts; ++part)
        table.each_in(part, [&](const KeyHash& hash, Offset offset) {
            ++seen;
            CHECK(model.at({hash.first, hash.second}) == offset);
        });
    CHECK(seen == model.size());
}

TEST_CASE("the table of keys takes 27 to 55 bytes a key") {
    KeyTable table;
    Rng rng{1};
    for (Offset i = 0; i < 300'000; ++i) {
        table.put({rng.next(), rng.next()}, i);
        if (i < 20'000 || i % 10'000 != 0) continue;
        const auto each = static_cast<double>(table.memory_bytes()) / static_cast<double>(i + 1);
        CHECK(each > 26);
        CHECK(each < 57);
    }
    table.erase_below(300'000);
    CHECK(table.size() == 0);
    CHECK(table.memory_bytes() == sizeof(KeyTable));
}

TEST_CASE("keys, removals and transactions in an index") {
    KeyIndex index({1, 2});
    take_in(index, batch_of(0, {{"a"}, {"b"}, {"a"}}));
    CHECK(find(index, "a").offset == 2);
    CHECK(find(index, "b").offset == 1);
    CHECK(find(index, "c").offset == -1);
    CHECK(find(index, "b", 2).offset == -1);  // below the log start
    take_in(index, batch_of(3, {{"a", true}}));
    CHECK(find(index, "a").offset == -1);

    take_in(index, batch_of(4, {{"a"}, {"b", true}}, 9));
    CHECK(find(index, "a").pending == 4);
    CHECK(find(index, "a").offset == -1);
    CHECK(find(index, "b").pending == 5);
    CHECK(find(index, "b").offset == 1);
    CHECK(find(index, "a", 0, 9).offset == 4);  // its own
    CHECK(find(index, "a", 0, 9).pending == -1);
    CHECK(find(index, "b", 0, 9).offset == -1);
    take_in(index, marker_at(6, 9, true));
    CHECK(find(index, "a").offset == -1);
    CHECK(find(index, "a").pending == -1);
    CHECK(find(index, "b").offset == 1);

    // Another writer removes the key before the transaction that wrote it earlier commits.
    take_in(index, batch_of(7, {{"a"}}, 9));
    take_in(index, batch_of(8, {{"a", true}}));
    CHECK(find(index, "a", 0, 9).offset == -1);
    take_in(index, marker_at(9, 9, false));
    CHECK(find(index, "a").offset == -1);
    CHECK(find(index, "a").pending == -1);
    CHECK(index.next() == 10);

    take_in(index, batch_of(8, {{"a"}}));  // known already
    CHECK(find(index, "a").offset == -1);
}

TEST_CASE("an index against a list of all records, through snapshots and rebuilds") {
    Rng rng{11};
    for (int round = 0; round < 30; ++round) {
        KeyIndex index({rng.next(), rng.next()});
        KeyModel model;
        std::vector<std::vector<uint8_t>> log;
        Offset next = 0;
        for (int step = 0; step < 120; ++step) {
            const auto producer = static_cast<ProducerId>(rng.below(3));
            if (rng.chance(0.2)) {
                const bool abort = rng.chance(0.5);
                model.end(producer, abort, next);
                log.push_back(marker_at(next++, producer, abort));
            } else {
                const ProducerId transaction = rng.chance(0.5) ? producer : -1;
                std::vector<KeyedRecord> records;
                for (uint64_t n = rng.below(4) + 1; n > 0; --n) {
                    records.push_back({fmt::format("k{}", rng.below(8)), rng.chance(0.3)});
                    model.entries.push_back({next + static_cast<Offset>(records.size()) - 1,
                                             records.back().key, records.back().null_value,
                                             transaction});
                }
                log.push_back(
                    batch_of(next, records, transaction,
                             rng.chance(0.2) ? protocol::Codec::lz4 : protocol::Codec::none));
                next += static_cast<Offset>(records.size());
            }
            take_in(index, log.back());
            if (rng.chance(0.05)) {
                const auto to = static_cast<Offset>(rng.below(static_cast<uint64_t>(next) + 1));
                model.start = std::max(model.start, to);
                if (rng.chance(0.5)) index.prune(model.start);
            }
            if (rng.chance(0.1)) index = through_snapshot(index);
            if (rng.chance(0.03)) {
                // From the log start on: what lies below must make no difference.
                index = KeyIndex({rng.next(), rng.next()});
                index.skip_to(model.start);
                for (const auto& bytes : log) take_in(index, bytes);
            }
            const std::string key = fmt::format("k{}", rng.below(8));
            const auto own = static_cast<ProducerId>(rng.below(4)) - 1;
            const auto found = index.find(as_bytes(key), model.start, own);
            const auto expected = model.find(key, own);
            CHECK(found.offset == expected.offset);
            CHECK(found.pending == expected.pending);
        }
    }
}

TEST_CASE("a snapshot with any bit wrong is refused") {
    KeyIndex index({5, 6});
    take_in(index, batch_of(0, {{"a"}, {"b"}, {"c"}}));
    take_in(index, batch_of(3, {{"a"}, {"d"}}, 4));
    take_in(index, batch_of(5, {{"a", true}}));
    const KeyIndex same = through_snapshot(index);
    CHECK(same.next() == 6);
    CHECK(find(same, "b").offset == 1);
    CHECK(find(same, "a").pending == 3);
    for (uint64_t bit = 0; bit < 2000; ++bit) {
        bool refused = false;
        through_snapshot(index, bit, &refused);
        CHECK(refused);
    }
}
