// A compacted log under random histories (keys, tombstones, transactions, idempotent producers), cleaned in the
// background, with kills and power cuts at any moment: a reader sees the last value of each key, at its offset.
#include "storage/cleaner.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/record_batch_builder.h"
#include "sim/crash.h"
#include "sim/log_users.h"
#include "sim/read_chain.h"
#include "storage/log_manager.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace millrace::storage;
using namespace std::chrono_literals;

namespace {

struct Entry {
    std::string key;
    std::optional<std::string> value;
    friend bool operator==(const Entry&, const Entry&) = default;
};

struct ModelBatch {
    Offset base;
    Offset next;
    std::vector<Entry> entries;
    ProducerId producer = -1;
    int32_t last_sequence = -1;
    bool transactional = false;
    std::optional<bool> abort;  // set: a marker
};

// All that was ever appended and not lost with a crash.
struct Model {
    std::vector<ModelBatch> batches;
    Offset start = 0;
    Offset durable = 0;

    Offset hole_end = 0;  // a power cut took what came before, and left this end

    Offset end() const { return std::max(hole_end, batches.empty() ? 0 : batches.back().next); }
    void cut(Offset offset) {
        while (!batches.empty() && batches.back().base >= offset) batches.pop_back();
        hole_end = offset;
        start = std::min(start, end());
        durable = std::min(durable, end());
    }
    int32_t next_sequence(ProducerId id) const {
        for (auto it = batches.rbegin(); it != batches.rend(); ++it)
            if (it->producer == id && !it->abort) return it->last_sequence + 1;
        return 0;
    }
    bool in_transaction(ProducerId id) const {
        for (auto it = batches.rbegin(); it != batches.rend(); ++it)
            if (it->producer == id && it->transactional) return !it->abort.has_value();
        return false;
    }
    // What a reader of committed records may see below `upper`.
    std::map<Offset, Entry> visible(Offset upper) const {
        std::map<ProducerId, bool> fate;  // of the next marker behind
        std::map<Offset, Entry> found;
        for (auto it = batches.rbegin(); it != batches.rend(); ++it) {
            if (it->abort) fate[it->producer] = *it->abort;
            // The log start may have passed the beginning of an open transaction.
            if (it->base >= upper || it->next <= start || it->abort) continue;
            if (it->transactional && fate.at(it->producer)) continue;
            for (size_t i = 0; i < it->entries.size(); ++i)
                if (it->base + static_cast<Offset>(i) >= start)
                    found[it->base + static_cast<Offset>(i)] = it->entries[i];
        }
        return found;
    }
};

constexpr ProducerId kProducers = 3;
const TopicPartition kName{"t", 0};

struct Node {
    explicit Node(Simulation& s)
        : sim(s),
          keys(2 + s.rng().below(60)),
          segment_bytes(static_cast<int32_t>(2000 + s.rng().below(10'000))),
          delete_retention_ms(s.rng().chance(0.5) ? 0 : static_cast<int64_t>(s.rng().below(300))),
          map_bytes(s.rng().chance(0.3) ? 100 : 1 << 20),
          codec(static_cast<protocol::Codec>(s.rng().below(5))),
          idle_ms(s.rng().chance(0.7) ? 1 + static_cast<int64_t>(s.rng().below(40)) : 0) {}

    LogConfig log_config() const {
        return {.segment_bytes = segment_bytes,
                .index_interval_bytes = 400,
                .cleanup_delete = false,
                .cleanup_compact = true,
                .file_delete_delay_ms = 100,
                .delete_retention_ms = delete_retention_ms,
                .min_cleanable_dirty_ratio = 0.1,
                .timestamp_after_max_ms = INT64_MAX};
    }

    Simulation& sim;
    const uint64_t keys;
    const int32_t segment_bytes;
    const int64_t delete_retention_ms;
    const size_t map_bytes;
    const protocol::Codec codec;
    const int64_t idle_ms;  // until an unused log is closed
    uint64_t closed = 0;
    SimFabric fabric{sim};
    SimNode node{sim, fabric, "node"};
    Crash crash;
    Model model;
    bool clean_stop = false;
    bool stopped = false;
    bool last_life = false;
};

// Reads all records from the log's start on, as fetches would, without those of aborted transactions.
Task<std::map<Offset, Entry>> read_committed(Log& log, Offset upper, Rng& rng) {
    std::map<Offset, Entry> found;
    const auto aborts = co_await log.aborted_transactions(log.start_offset(), upper);
    CHECK(aborts.has_value());
    std::multimap<Offset, ProducerId> begins;
    if (aborts)
        for (const AbortedTransaction& a : *aborts) begins.emplace(a.first_offset, a.producer_id);
    std::set<ProducerId> aborting;
    std::vector<uint8_t> scratch;
    const Offset start = log.start_offset();
    for (Offset from = start; from < upper;) {
        auto result = co_await log.read({from, upper, 1 + rng.below(5000), true});
        CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().describe()));
        if (!result || result->next_offset <= from) break;
        const std::vector<uint8_t> bytes = co_await read_chain(result->records);
        const auto whole = protocol::for_each_batch(bytes, [&](protocol::BatchView batch) {
            if (!batch.verify_crc()) FAIL_CHECK("wrong CRC at ", batch.base_offset());
            for (auto b = begins.begin(); b != begins.end() && b->first <= batch.last_offset();
                 b = begins.erase(b))
                aborting.insert(b->second);
            if (batch.is_control()) {
                aborting.erase(batch.producer_id());
                return;
            }
            if (batch.is_transactional() && aborting.contains(batch.producer_id())) return;
            const auto done =
                protocol::for_each_record(batch, scratch, [&](const protocol::RecordView& r) {
                    if (r.offset < start || r.offset >= upper) return;
                    Entry entry{std::string{as_text(*r.key)}, std::nullopt};
                    if (r.value) entry.value = as_text(*r.value);
                    found.emplace(r.offset, std::move(entry));
                });
            CHECK(done.has_value());
        });
        CHECK((whole && *whole == bytes.size()));
        from = result->next_offset;
    }
    co_return found;
}

// Where recovery cannot tell a hole that compaction left from one that a power cut left, only what was durable is
// sure to be there: the model forgets what is not.
Task<void> forget_lost(Log& log, Model& model) {
    // Below the recovery point holes are of compaction, which makes durable first what it reads.
    const Offset sure = std::max({model.durable, log.start_offset(), log.recovery_point()});
    std::set<Offset> bases;
    for (Offset from = sure; from < log.end_offset();) {
        auto result = co_await log.read({from, log.end_offset(), 1, true});
        if (!result || result->next_offset <= from) break;
        if (result->first_offset >= 0) bases.insert(result->first_offset);
        from = result->next_offset;
    }
    std::erase_if(model.batches,
                  [&](const ModelBatch& b) { return b.base >= sure && !bases.contains(b.base); });
}

Task<void> verify(Log& log, Node& n) {
    CHECK(log.end_offset() == n.model.end());
    Rng rng{n.sim.seed()};
    Offset cleaned = log.cleaned_to().value_or(0);
    const Offset upper = log.last_stable_offset();
    n.model.start = std::max(n.model.start, log.start_offset());
    const auto expected = n.model.visible(upper);
    const auto found = co_await read_committed(log, upper, rng);
    cleaned = std::min({cleaned, log.cleaned_to().value_or(0), upper});
    std::map<std::string, Offset> last;
    for (const auto& [offset, entry] : expected) last[entry.key] = offset;
    size_t wrong = 0;
    for (const auto& [offset, entry] : found) {
        const auto at = expected.find(offset);
        if (at == expected.end() || entry != at->second) ++wrong;
    }
    CHECK(wrong == 0);
    std::set<std::string> seen;
    std::set<std::string> twice;
    for (const auto& [offset, entry] : found)
        if (!seen.insert(entry.key).second && offset < cleaned) twice.insert(entry.key);
    CHECK_MESSAGE(twice.empty(), fmt::format("{}", fmt::join(twice, " ")));
    size_t lost = 0;
    for (const auto& [key, offset] : last) {
        // With its tombstone everything of a key is gone.
        const bool there = found.contains(offset);
        if (expected.at(offset).value ? !there : !there && seen.contains(key)) ++lost;
    }
    CHECK(lost == 0);
    for (const ActiveProducer& p : log.producers()) {
        CHECK(p.last_sequence == n.model.next_sequence(p.producer_id) - 1);
        CHECK((p.transaction_start >= 0) == n.model.in_transaction(p.producer_id));
    }
}

void append_one(Log& log, Node& n, Rng& rng, TimestampMs now) {
    Model& model = n.model;
    const auto id = static_cast<ProducerId>(rng.below(kProducers + 1)) - 1;
    const bool open = id >= 0 && model.in_transaction(id);
    const bool marker = open && rng.chance(0.4);
    ModelBatch batch{.base = model.end(), .producer = id};
    batch.transactional = open || (id >= 0 && rng.chance(0.3));
    protocol::BatchOptions options{.transactional = batch.transactional, .control = marker};
    if (id >= 0) {
        options.producer_id = id;
        options.producer_epoch = 0;
        if (!marker) options.base_sequence = model.next_sequence(id);
    }
    if (!marker && rng.chance(0.5)) options.codec = n.codec;
    protocol::BatchBuilder builder(options);
    if (marker) {
        batch.abort = rng.chance(0.5);
        const auto body = protocol::encode_end_txn_marker(1);
        builder.append_control(
            now, *batch.abort ? protocol::ControlType::abort : protocol::ControlType::commit, body);
    } else {
        for (uint64_t i = rng.below(5) + 1; i > 0; --i) {
            Entry entry{fmt::format("k{}", rng.below(n.keys)), std::nullopt};
            if (!rng.chance(0.2))
                entry.value = fmt::format("{}{}", model.end(), std::string(rng.below(100), 'v'));
            std::optional<ByteView> value;
            if (entry.value) value = as_bytes(*entry.value);
            builder.append(now, as_bytes(entry.key), value);
            batch.entries.push_back(std::move(entry));
        }
    }
    batch.next = batch.base + builder.count();
    if (options.base_sequence >= 0)
        batch.last_sequence = options.base_sequence + builder.count() - 1;
    auto owner = std::make_shared<std::vector<uint8_t>>(*builder.finish());
    const auto result = log.append_as_leader(
        {MutableByteView{*owner}, owner, 0},
        {.now = now,
         .origin = marker ? protocol::AppendOrigin::coordinator : protocol::AppendOrigin::client});
    CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().detail));
    if (!result) return;
    CHECK(result->first_offset == batch.base);
    model.batches.push_back(std::move(batch));
    log.set_high_watermark(log.end_offset());
}

Task<void> do_something(Log& log, Node& n, Rng& rng, TimestampMs now) {
    switch (rng.below(150)) {
        case 0: {
            const Offset end = n.model.end();
            if ((co_await log.flush()).has_value()) n.model.durable = end;
            break;
        }
        case 1:
            CHECK(log.roll(now).has_value());
            break;
        case 2:
            co_await verify(log, n);
            break;
        case 3:
            if (rng.chance(0.1) && !n.model.batches.empty()) {
                const Offset to = n.model.batches[rng.below(n.model.batches.size())].base;
                CHECK(log.delete_records(to, now).has_value());
            }
            break;
        default:
            append_one(log, n, rng, now);
    }
}

Task<void> do_step(Context& context, LogUsers& users, Node& n) {
    LogUsers::Use use(users, kName);
    const TimestampMs now = context.loop.wall_ms();
    const auto log = co_await use.log(now);
    CHECK_MESSAGE(log.has_value(), log.error().describe());
    if (log) co_await do_something(**log, n, context.loop.rng(), now);
}

Task<void> fill(Context& context, LogUsers& users, Node& n) {
    LogUsers::Use use(users, kName);
    const TimestampMs now = context.loop.wall_ms();
    const auto log = co_await use.log(now);
    CHECK_MESSAGE(log.has_value(), log.error().describe());
    if (!log) co_return;
    for (int i = 0; i < 200; ++i) append_one(**log, n, context.loop.rng(), now);
    CHECK((*log)->roll(now).has_value());
}

Task<void> work(Context& context, LogUsers& users, Node& n, Cleaner& cleaner, bool& done) {
    Rng& rng = context.loop.rng();
    for (uint64_t steps = 100 + rng.below(300); steps > 0 || !n.clean_stop; --steps) {
        co_await do_step(context, users, n);
        if (rng.chance(0.5)) co_await pause(context.loop, 6, 0.05, 150);
    }
    if (n.last_life) {
        co_await fill(context, users, n);
        for (int i = 0; cleaner.stats()[0].cleanings == 0 && i < 6000; ++i)
            co_await context.loop.sleep_for(10ms);
        CHECK(cleaner.stats()[0].cleanings > 0);
    }
    cleaner.stop();
    done = true;
}

Task<void> background(Context& context, LogManager& manager, const bool& done) {
    while (!done) {
        co_await context.loop.sleep_for(20ms);
        if (!done) co_await manager.maintain(context.loop.wall_ms());
    }
}

Task<void> live(Context& context, Node& n) {
    auto manager = co_await LogManager::start(
        context.disk, context.loop.rng(),
        {.directories = {"/data"},
         .open_files_max = 3,
         .tail_cache_bytes = 20'000,
         .index_cache_bytes = 300,
         .unflushed_bytes_max = 20'000,
         .retention_check_ms = 100,
         .checkpoint_ms = 50,
         .idle_ms = n.idle_ms},
        [&n](const std::string&) { return n.log_config(); }, context.loop.wall_ms());
    CHECK_MESSAGE(manager.has_value(), (manager ? "" : manager.error().describe()));
    if (!manager) co_return;
    LogManager& logs = **manager;
    auto opened = logs.contains(kName)
                      ? co_await logs.open(kName, context.loop.wall_ms())
                      : co_await logs.create(kName, Uuid{1, 2}, context.loop.wall_ms());
    CHECK_MESSAGE(opened.has_value(), (opened ? "" : opened.error().describe()));
    if (!opened) co_return;
    const TimestampMs now = context.loop.wall_ms();
    if (const Crash crash = std::exchange(n.crash, {}); crash.happened) {
        Log& log = **opened;
        CHECK(log.end_offset() >= (crash.power_cut ? n.model.durable : n.model.end()));
        CHECK(log.end_offset() <= n.model.end());
        n.model.cut(log.end_offset());
        if (crash.power_cut) co_await forget_lost(log, n.model);
        // A log start that was not written to its checkpoint file is back where it was.
        n.model.start = log.start_offset();
    }
    (*opened)->set_high_watermark((*opened)->end_offset());
    co_await verify(**opened, n);
    LogUsers users(logs);
    Cleaner cleaner(context.loop, context.workers, logs, [&n] {
        return CleanerConfig{.threads = 2,
                             .dedupe_buffer_bytes = n.map_bytes,
                             .bytes_per_second_max = n.sim.rng().chance(0.5) ? 1e18 : 1e6,
                             .backoff_ms = 10};
    });
    bool done = false;
    std::vector<Task<void>> tasks;
    tasks.push_back(work(context, users, n, cleaner, done));
    tasks.push_back(background(context, logs, done));
    tasks.push_back(cleaner.run());
    co_await all(context.loop, std::move(tasks));
    CHECK(cleaner.stats()[0].failures == 0);
    opened = co_await logs.open(kName, now);
    CHECK_MESSAGE(opened.has_value(), opened.error().describe());
    if (opened) co_await verify(**opened, n);
    n.closed += users.closed();
    CHECK((co_await logs.stop(7, context.loop.wall_ms())).has_value());
    n.model.durable = n.model.end();
    n.stopped = true;
}

}  // namespace

SIM_TEST("a compacted log keeps the last value of each key through kills and power cuts") {
    Node n{sim};
    for (int boot = 0; boot < 8; ++boot) {
        CAPTURE(boot);
        n.stopped = false;
        n.last_life = boot == 7;
        n.clean_stop = n.last_life || sim.rng().chance(0.4);
        n.node.start([&n](Context& context) -> Task<void> { co_await live(context, n); });
        end_life(sim, n.node, n.clean_stop, n.stopped, 600ms, n.crash);
    }
}
