#include "storage/journal_format.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

struct Written {
    std::vector<uint8_t> file;
    std::vector<size_t> starts;  // of the groups
};

Written write_groups(uint64_t first_sequence, size_t count) {
    Written out;
    const std::string batch(700, 'b');
    for (size_t i = 0; i != count; ++i) {
        JournalGroupBuilder builder;
        for (size_t e = 0; e <= i % 3; ++e)
            builder.add({.kind = JournalEntryKind::bytes,
                         .promised = e == 1,
                         .directory = "topic-3",
                         .topic_id = {7, 8},
                         .base = 100,
                         .position = 1000 * i + e,
                         .batches = as_bytes(batch).first(100 * (e + 1))});
        builder.add({.kind = JournalEntryKind::settled, .directory = "other-0", .base = 5});
        out.starts.push_back(out.file.size());
        const ByteView bytes = builder.finish(first_sequence + i, first_sequence);
        CHECK(bytes.size() % kJournalAlignment == 0);
        out.file.insert(out.file.end(), bytes.begin(), bytes.end());
    }
    return out;
}

}  // namespace

TEST_CASE("groups come back as they were written") {
    const Written written = write_groups(40, 9);
    const JournalFileView view = scan_journal_file(written.file);
    CHECK(view.damage.empty());
    REQUIRE(view.groups.size() == 9);
    for (size_t i = 0; i != 9; ++i) {
        const JournalGroupView& group = view.groups[i];
        CHECK(group.sequence == 40 + i);
        CHECK(group.position == written.starts[i]);
        REQUIRE(group.entries.size() == i % 3 + 2);
        CHECK(group.entries[0].directory == "topic-3");
        CHECK(group.entries[0].topic_id == Uuid{7, 8});
        CHECK(group.entries[0].base == 100);
        CHECK(group.entries[0].position == 1000 * i);
        CHECK(group.entries[0].batches.size() == 100);
        CHECK_FALSE(group.entries[0].promised);
        CHECK(group.entries.back().kind == JournalEntryKind::settled);
        CHECK(group.entries.back().batches.empty());
    }
}

TEST_CASE("a torn group is the end; what an earlier use left behind it is not taken") {
    const Written written = write_groups(40, 6);
    for (size_t cut = 0; cut < written.file.size(); cut += 97) {
        const JournalFileView view = scan_journal_file(ByteView{written.file}.first(cut));
        CHECK(view.damage.empty());
        for (const JournalGroupView& group : view.groups) CHECK(group.position < cut);
        // Told, when enough of it is there to be known.
        const size_t begun = view.groups.size();
        if (begun < written.starts.size() && cut >= written.starts[begun] + kGroupHeaderBytes) {
            REQUIRE(view.torn);
            CHECK(view.torn->position == written.starts[begun]);
            CHECK(view.torn->sequence == 40 + begun);
        } else {
            CHECK_FALSE(view.torn);
        }
    }
    // The file of 40..45 used again for 90 and 91.
    std::vector<uint8_t> reused = written.file;
    std::ranges::copy(write_groups(90, 2).file, reused.begin());
    const JournalFileView view = scan_journal_file(reused);
    CHECK(view.damage.empty());
    REQUIRE(view.groups.size() == 2);
    CHECK(view.groups.back().sequence == 91);
    CHECK_FALSE(view.torn);
}

TEST_CASE("damage in the middle is told with its place; a flipped bit is never taken for sound") {
    const Written written = write_groups(40, 6);
    const JournalFileView sound = scan_journal_file(written.file);
    Rng rng{5};
    for (int round = 0; round != 400; ++round) {
        std::vector<uint8_t> file = written.file;
        const size_t at = rng.below(file.size());
        file[at] ^= static_cast<uint8_t>(1u << rng.below(8));
        const size_t hit = static_cast<size_t>(std::ranges::upper_bound(written.starts, at) -
                                               written.starts.begin()) -
                           1;
        const JournalFileView view = scan_journal_file(file);
        if (view.groups.size() == sound.groups.size()) {
            // Only what fills up the last sector is outside of the checksum.
            const JournalGroupView& group = sound.groups[hit];
            const ByteView last = group.entries.back().batches;
            const uint8_t* end = group.entries.back().kind == JournalEntryKind::settled
                                     ? as_bytes(group.entries.back().directory).data() + 7
                                     : last.data() + last.size();
            CHECK(written.file.data() + at >= end);
            continue;
        }
        CHECK(view.groups.size() == sound.groups.size() - 1);
        if (hit + 1 == sound.groups.size()) {
            CHECK(view.damage.empty());  // as if it had been torn
            // Unless that is what tells that a group begins there.
            if (at >= written.starts[hit] + 16) CHECK(view.torn->position == written.starts[hit]);
        } else {
            REQUIRE(view.damage.size() == 1);
            CHECK(view.damage[0].position == written.starts[hit]);
            CHECK(view.damage[0].groups == (hit == 0 ? 0 : 1));
        }
    }
}

TEST_CASE("lengths that lie are refused before they are used") {
    JournalGroupBuilder builder;
    builder.add({.directory = "t-0", .batches = as_bytes("0123456789")});
    const ByteView bytes = builder.finish(1, 1);
    const std::vector<uint8_t> sound(bytes.begin(), bytes.end());
    REQUIRE(parse_journal_group(sound).has_value());
    for (const size_t at : {16u, 17u, 20u, 34u, 36u}) {
        std::vector<uint8_t> file = sound;
        file[at] = 0xff;
        CHECK_FALSE(parse_journal_group(file).has_value());
    }
    CHECK_FALSE(parse_journal_group({}).has_value());
}
