// The journal under many partitions of both kinds: what was acked (and what anybody may have read)
// survives a kill; with a promise a loss of power too; damage is told, and takes only what it hit;
// a full disk refuses and then goes on.
#include <fmt/format.h>

#include <algorithm>

#include "protocol/record_batch_builder.h"
#include "sim/log_users.h"
#include "sim/read_chain.h"
#include "sim/sim_test.h"
#include "storage/journal.h"
#include "storage/log_manager.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace millrace::storage;
using namespace std::chrono_literals;

namespace {

constexpr int kPartitions = 8;

struct Stored {
    Offset base;
    Offset next;
    std::vector<uint8_t> bytes;
};

struct Part {
    std::vector<Stored> batches;
    Offset acked = 0;     // with what anybody may have read
    Offset promised = 0;  // acked by one who syncs
    // What a truncation that has not ended was taking. Where nothing was promised since, a loss of
    // power may bring it back: the cut that the kill left was in the page cache only.
    std::vector<Stored> half_cut;
    // Since the last start that looked at it:
    bool power_cut = false;
    bool damaged = false;
    Offset end() const { return batches.empty() ? 0 : batches.back().next; }
};

enum class Trouble : uint8_t { none, full_disk, flipped_bit };

struct Place {
    Place(Simulation& s, Trouble t) : sim(s), trouble(t) {}

    // Half of the partitions sync each append.
    static bool promises(int index) { return index % 2 == 1; }
    LogManagerConfig config() const {
        return {.directories = {"/data"},
                .open_files_max = 3,
                .tail_cache_bytes = 30'000,
                .retention_check_ms = 100,
                .checkpoint_ms = 100,
                .idle_ms = idle_ms,
                .journal_bytes = journal_bytes,
                .journal_memory_bytes = memory_bytes};
    }
    static LogConfig log_config(const std::string& topic) {
        return {.segment_bytes = 60'000,
                .retention_ms = kUnlimited,
                .flush_messages = topic == "synced" ? 1 : INT64_MAX,
                .timestamp_after_max_ms = INT64_MAX};
    }
    static TopicPartition name(int index) { return {promises(index) ? "synced" : "plain", index}; }

    Simulation& sim;
    const Trouble trouble;
    SimFabric fabric{sim};
    SimNode node{sim, fabric, "node"};
    const uint64_t journal_bytes = sim.rng().chance(0.5) ? 1 : 1 << 20;
    const int64_t idle_ms =
        sim.rng().chance(0.7) ? 1 + static_cast<int64_t>(sim.rng().below(30)) : 0;
    uint64_t closed = 0;
    const uint64_t memory_bytes = sim.rng().chance(0.5) ? 20'000 : 1 << 20;
    std::array<Part, kPartitions> parts;
    bool told = false;  // of damage, by a start since the last clean stop
    bool ready = false;
    bool stopped = false;
    uint64_t acks = 0;
};

std::vector<uint8_t> random_batch(Rng& rng, TimestampMs now) {
    protocol::BatchBuilder builder;
    const size_t bytes = rng.chance(0.05) ? 20'000 + rng.below(20'000) : rng.below(400);
    builder.append(now, std::nullopt, as_bytes(std::string(bytes, 'v')));
    builder.append(now, std::nullopt, as_bytes(std::to_string(rng.below(1'000'000))));
    return *builder.finish();
}

Task<void> compare(Log& log, const Part& part) {
    size_t at = 0;
    while (at < part.batches.size() && part.batches[at].base < log.start_offset()) ++at;
    for (Offset from = log.start_offset(); from < log.end_offset();) {
        auto read = co_await log.read({from, log.end_offset(), 50'000, true});
        CHECK_MESSAGE(read.has_value(), read.error().describe());
        if (!read || read->next_offset <= from) co_return;
        const std::vector<uint8_t> bytes = co_await read_chain(read->records);
        size_t done = 0;
        for (; done < bytes.size() && at < part.batches.size(); ++at) {
            const auto& expected = part.batches[at].bytes;
            CHECK(done + expected.size() <= bytes.size());
            if (done + expected.size() > bytes.size()) co_return;
            CHECK(std::ranges::equal(expected, ByteView{bytes}.subspan(done, expected.size())));
            done += expected.size();
        }
        CHECK(done == bytes.size());
        from = read->next_offset;
    }
}

Task<bool> holds(Log& log, const Stored& batch) {
    if (batch.base < log.start_offset() || batch.next > log.end_offset()) co_return false;
    auto read = co_await log.read({batch.base, log.end_offset(), 50'000, true});
    if (!read) co_return false;
    const std::vector<uint8_t> bytes = co_await read_chain(read->records);
    co_return bytes.size() >= batch.bytes.size() &&
        std::ranges::equal(batch.bytes, ByteView{bytes}.first(batch.bytes.size()));
}

// Either it was not cut, or it may still come back, or a loss of power has decided.
Task<void> settle_half_cut(Log& log, Part& part) {
    if (part.half_cut.empty()) co_return;
    const bool there = co_await holds(log, part.half_cut.front());
    if (!there && !part.power_cut) co_return;
    const std::vector<Stored> taken = std::exchange(part.half_cut, {});
    const auto same = [&](const Stored& b) {
        return b.base == taken.front().base && b.bytes == taken.front().bytes;
    };
    if (!there || part.promised > taken.front().base || std::ranges::any_of(part.batches, same))
        co_return;
    std::erase_if(part.batches, [&](const Stored& b) { return b.base >= taken.front().base; });
    part.batches.insert(part.batches.end(), taken.begin(), taken.end());
}

// What a start found against what it had to find.
Task<void> examine(Log& log, Part& part, Offset least) {
    CHECK(log.end_offset() >= least);
    CHECK(log.end_offset() <= part.end());
    while (!part.batches.empty() && part.batches.back().base >= log.end_offset())
        part.batches.pop_back();
    CHECK(part.end() == log.end_offset());
    part.acked = part.end();
    part.promised = std::min(part.promised, part.end());
    co_await compare(log, part);
}

Task<void> append(Context& context, Place& place, Log& log, int index, bool wait) {
    Part& part = place.parts[static_cast<size_t>(index)];
    Rng& rng = context.loop.rng();
    auto owner = std::make_shared<std::vector<uint8_t>>(random_batch(rng, context.loop.wall_ms()));
    auto done = log.append_as_leader({MutableByteView{*owner}, owner, 0},
                                     {.now = context.loop.wall_ms(), .gather = rng.chance(0.8)});
    if (!done) {
        CHECK_MESSAGE(place.trouble == Trouble::full_disk, done.error().detail);
        co_return;
    }
    CHECK(done->first_offset == part.end());
    part.batches.push_back({done->first_offset, done->last_offset + 1, *owner});
    if (!wait) co_return;
    const Offset end = done->last_offset + 1;
    const auto committed = co_await log.commit(*std::move(done));
    if (!committed) {
        CHECK_MESSAGE(place.trouble == Trouble::full_disk, committed.error().describe());
        co_return;
    }
    log.set_high_watermark(log.readable_end());
    CHECK(log.high_watermark() >= end);
    ++place.acks;
    part.acked = std::max(part.acked, log.high_watermark());
    if (Place::promises(index)) part.promised = std::max(part.promised, end);
}

Task<void> truncate(Log& log, Part& part) {
    if (part.batches.size() < 3) co_return;
    const Offset offset = part.batches[part.batches.size() - 2].base;
    // From here on a crash may find it done or not.
    part.acked = std::min(part.acked, offset);
    part.promised = std::min(part.promised, offset);
    for (const Stored& batch : part.batches)
        if (batch.base >= offset) part.half_cut.push_back(batch);
    const auto cut = co_await log.truncate_to(offset);
    CHECK_MESSAGE(cut.has_value(), cut.error().describe());
    std::erase_if(part.batches, [&](const Stored& b) { return b.base >= offset; });
    part.half_cut.clear();
}

Task<void> do_step(Context& context, Place& place, LogUsers& users, int index) {
    LogUsers::Use use(users, Place::name(index));
    const auto log = co_await use.log(context.loop.wall_ms());
    if (!log) {
        CHECK_MESSAGE(place.trouble == Trouble::full_disk, log.error().describe());
        co_return;
    }
    Rng& rng = context.loop.rng();
    if (rng.chance(0.01) && place.trouble == Trouble::none)
        co_await truncate(**log, place.parts[static_cast<size_t>(index)]);
    else
        co_await append(context, place, **log, index, rng.chance(0.7));
}

// One client: appends to a few partitions, and sometimes truncates one.
Task<void> client(Context& context, Place& place, LogUsers& users, int first, uint64_t steps) {
    Rng& rng = context.loop.rng();
    const double eagerness = rng.chance(0.5) ? 1 : 0.3;  // else some are unused for a while
    for (; steps > 0; --steps) {
        for (int index = first; index < kPartitions; index += 2)
            if (rng.chance(eagerness)) co_await do_step(context, place, users, index);
        if (rng.chance(0.2)) co_await pause(context.loop, 4, 0.1, 80);
    }
}

Task<void> housekeeping(Context& context, LogManager& logs, const bool& done) {
    while (!done) {
        co_await context.loop.sleep_for(10ms);
        if (!done) co_await logs.maintain(context.loop.wall_ms());
    }
}

Task<void> clients(Context& context, Place& place, LogUsers& users, uint64_t steps, bool& done) {
    std::vector<Task<void>> tasks;
    tasks.push_back(client(context, place, users, 0, steps));
    tasks.push_back(client(context, place, users, 1, steps));
    co_await all(context.loop, std::move(tasks));
    done = true;
}

Task<void> live(Context& context, Place& place) {
    auto started = co_await LogManager::start(context.disk, context.loop.rng(), place.config(),
                                              Place::log_config, context.loop.wall_ms());
    CHECK_MESSAGE(started.has_value(), started.error().describe());
    if (!started) co_return;
    LogManager& logs = **started;
    for (int index = 0; index < kPartitions; ++index) {
        CAPTURE(index);
        const TopicPartition name = Place::name(index);
        auto log = logs.contains(name)
                       ? co_await logs.open(name, context.loop.wall_ms())
                       : co_await logs.create(name, Uuid{1, 2}, context.loop.wall_ms());
        CHECK_MESSAGE(log.has_value(), log.error().describe());
        if (!log) co_return;
        Part& part = place.parts[static_cast<size_t>(index)];
        Offset least = part.power_cut ? part.promised : part.acked;
        place.told |= !logs.directories()[0].replay_problems.empty();
        if (part.damaged && place.told) least = 0;
        co_await settle_half_cut(**log, part);
        part.power_cut = part.damaged = false;
        co_await examine(**log, part, least);
    }
    place.ready = true;
    LogUsers users(logs);
    bool done = false;
    std::vector<Task<void>> tasks;
    tasks.push_back(clients(context, place, users, 20 + context.loop.rng().below(150), done));
    tasks.push_back(housekeeping(context, logs, done));
    co_await all(context.loop, std::move(tasks));
    for (int index = 0; index < kPartitions; ++index) {
        const auto log = co_await logs.open(Place::name(index), context.loop.wall_ms());
        CHECK_MESSAGE(log.has_value(), log.error().describe());
        if (log) co_await compare(**log, place.parts[static_cast<size_t>(index)]);
    }
    place.closed += users.closed();
    const auto stopped = co_await logs.stop(1, context.loop.wall_ms());
    place.stopped = true;
    if (!stopped) {
        CHECK_MESSAGE(place.trouble == Trouble::full_disk, stopped.error().describe());
        co_return;
    }
    if (place.trouble != Trouble::full_disk)
        CHECK(context.disk.info("/data/.millrace-journal-0").code() == ErrorCode::not_found);
    // With a full disk a stop may succeed without being a clean one.
    if (!context.disk.info("/data/.kafka_cleanshutdown")) {
        CHECK(place.trouble == Trouble::full_disk);
        co_return;
    }
    for (Part& part : place.parts) {
        part.acked = part.promised = part.end();
        part.half_cut.clear();
    }
}

void flip_in_journal(Place& place) {
    const auto names = place.node.disk().list("/data");
    if (!names) return;
    for (const DirEntry& entry : *names) {
        if (!entry.name.starts_with(kJournalPrefix)) continue;
        const std::string path = "/data/" + entry.name;
        const auto info = place.node.disk().info(path);
        if (!info || info->size == 0) continue;
        place.node.disk().flip_bit(path, place.sim.rng().below(info->size),
                                   static_cast<unsigned>(place.sim.rng().below(8)));
        for (Part& part : place.parts) part.damaged = true;
        return;
    }
}

void run_place(Simulation& sim, Trouble trouble) {
    Place place{sim, trouble};
    for (int boot = 0; boot < 8; ++boot) {
        CAPTURE(boot);
        place.stopped = place.ready = false;
        place.node.start(
            [&place](Context& context) -> Task<void> { co_await live(context, place); });
        if (sim.rng().chance(0.25)) {
            CHECK(sim.run_until([&] { return place.stopped; }, 1h));
            place.told = false;
            place.node.kill();
            continue;
        }
        if (trouble == Trouble::full_disk)
            CHECK(sim.run_until([&] { return place.ready || place.stopped; }, 1h));
        sim.run_for(sim.between(0ms, 300ms));
        if (trouble == Trouble::full_disk) {
            place.node.disk().faults.capacity = place.node.disk().bytes_used();
            sim.run_for(sim.between(0ms, 100ms));
            place.node.disk().faults.capacity = uint64_t{1} << 40;
            sim.run_for(20ms);
            // It goes on by itself.
            const uint64_t acks = place.acks;
            if (!place.stopped)
                CHECK(sim.run_until([&] { return place.stopped || place.acks > acks; }, 10s));
        }
        if (sim.rng().chance(0.5)) {
            place.node.power_cut();
            for (Part& part : place.parts) part.power_cut = true;
        } else {
            place.node.kill();
            if (trouble == Trouble::flipped_bit) flip_in_journal(place);
        }
    }
}

}  // namespace

SIM_TEST("what the journal acked survives kills, and what it promised loss of power") {
    run_place(sim, Trouble::none);
}

SIM_TEST("a full disk refuses appends, loses nothing acked, and goes on when there is room") {
    run_place(sim, Trouble::full_disk);
}

SIM_TEST("a flipped bit in the journal is told, and nothing wrong is served") {
    run_place(sim, Trouble::flipped_bit);
}
