// A partition's log under random work, kills and power cuts, against a plain list of what was
// appended.
#include <fmt/format.h>

#include <algorithm>

#include "protocol/record_batch_builder.h"
#include "sim/crash.h"
#include "sim/log_users.h"
#include "storage/log_manager.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace millrace::storage;
using namespace std::chrono_literals;

namespace {

struct ModelBatch {
    Offset base;
    Offset next;
    std::vector<uint8_t> bytes;
    LeaderEpoch epoch;
    ProducerId producer;
    int32_t last_sequence;
    bool transactional;
    std::optional<bool> abort;  // set: a marker
};

// What the log must hold, as far as it is acked.
struct Model {
    std::vector<ModelBatch> batches;  // from the very first one on
    Offset start = 0;
    Offset start_max = 0;          // the largest it ever was: a crash may take it back
    Offset written = 0;            // below, a kill takes nothing
    Offset durable = 0;            // below, a power cut takes nothing
    Offset maybe_cut = INT64_MAX;  // a truncation to here may or may not have happened
    LeaderEpoch epoch = 0;
    double transactions = 0;  // how many of the batches that may begin one do

    Offset end() const { return batches.empty() ? 0 : batches.back().next; }
    void cut(Offset offset) {
        while (!batches.empty() && batches.back().base >= offset) batches.pop_back();
        start = std::min(start, end());
        written = std::min(written, end());
        durable = std::min(durable, end());
    }
    int32_t next_sequence(ProducerId id) const {
        for (auto it = batches.rbegin(); it != batches.rend(); ++it)
            if (it->producer == id && !it->abort) return it->last_sequence + 1;
        return 0;
    }
    Offset open_transaction(ProducerId id) const {
        Offset first = -1;
        for (const ModelBatch& b : batches) {
            if (b.producer != id || !b.transactional) continue;
            if (b.abort)
                first = -1;
            else if (first < 0)
                first = b.base;
        }
        return first;
    }
    std::vector<AbortedTransaction> aborted(Offset from) const {
        std::map<ProducerId, Offset> open;
        std::vector<AbortedTransaction> found;
        for (const ModelBatch& b : batches) {
            if (!b.transactional) continue;
            if (!b.abort) {
                open.try_emplace(b.producer, b.base);
            } else if (const auto at = open.find(b.producer); at != open.end()) {
                if (*b.abort && b.base >= from) found.push_back({b.producer, at->second});
                open.erase(at);
            }
        }
        return found;
    }
};

constexpr ProducerId kProducers = 3;
const TopicPartition kName{"t", 0};

struct Node {
    explicit Node(Simulation& s)
        : sim(s),
          journal_bytes(s.rng().chance(0.7) ? (s.rng().chance(0.5) ? 1 : 1 << 20) : 0),
          promises(s.rng().chance(0.5)),
          idle_ms(s.rng().chance(0.7) ? 1 + static_cast<int64_t>(s.rng().below(40)) : 0) {
        // An open one keeps the log open.
        model.transactions = s.rng().chance(0.5) ? 0.3 : 0.01;
    }

    LogManagerConfig manager_config() {
        return {.directories = {"/data"},
                .open_files_max = 3,
                .tail_cache_bytes = 20'000,
                .index_cache_bytes = 300,
                .unflushed_bytes_max = 20'000,
                .retention_check_ms = 70,
                .checkpoint_ms = 50,
                .idle_ms = idle_ms,
                .journal_bytes = journal_bytes,
                .journal_memory_bytes = 6000};
    }
    LogConfig log_config() const {
        return {.segment_bytes = 6000,
                .index_interval_bytes = 400,
                .retention_ms = kUnlimited,
                .file_delete_delay_ms = 100,
                .flush_messages = promises ? 1 : INT64_MAX,
                .timestamp_after_max_ms = INT64_MAX};
    }

    Simulation& sim;
    const uint64_t journal_bytes;  // 1: the smallest that there is
    const bool promises;           // an ack means that it was synced
    const int64_t idle_ms;         // until an unused log is closed
    SimFabric fabric{sim};
    SimNode node{sim, fabric, "node"};
    Model model;
    uint64_t closed = 0;
    bool clean_stop = false;  // this run is to end with one
    bool stopped = false;
    Crash crash;
};

Task<std::vector<uint8_t>> fetch(Log& log, ReadRequest request, Offset& next) {
    auto result = co_await log.read(request);
    if (!result) {
        CHECK_MESSAGE(false, result.error().describe());
        co_return {};
    }
    next = result->next_offset;
    std::vector<uint8_t> bytes;
    for (const ChainPart& part : result->records.parts()) {
        const size_t at = bytes.size();
        bytes.resize(at + part.size());
        if (part.file) {
            auto& file = *static_cast<File*>(part.file.get());
            const auto read =
                co_await file.read_at(part.position, MutableByteView{bytes}.subspan(at));
            CHECK(read.has_value());
            CHECK(*read == part.length);
        } else {
            std::ranges::copy(part.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }
    co_return bytes;
}

// Everything from `from` on must be what the model has.
Task<void> compare(Log& log, const Model& model, Offset from, Rng& rng) {
    auto expected =
        std::ranges::find_if(model.batches, [&](const ModelBatch& b) { return b.next > from; });
    while (from < log.end_offset()) {
        Offset next = from;
        const ReadRequest request{from, log.end_offset(), 1 + rng.below(9000), true};
        const auto bytes = co_await fetch(log, request, next);
        CHECK(next > from);
        if (next <= from) co_return;
        size_t at = 0;
        while (at < bytes.size() && expected != model.batches.end()) {
            const size_t size = std::min(expected->bytes.size(), bytes.size() - at);
            CHECK(std::ranges::equal(ByteView{bytes}.subspan(at, size), expected->bytes));
            at += size;
            ++expected;
        }
        CHECK(at == bytes.size());
        from = next;
    }
}

Task<void> verify(Log& log, Node& n) {
    const Model& model = n.model;
    const Offset end = log.end_offset();
    CHECK(end == model.end());
    CHECK(log.start_offset() <= model.start);
    Rng rng{n.sim.seed()};
    co_await compare(log, model, log.start_offset(), rng);
    for (const ActiveProducer& p : log.producers()) {
        CHECK(p.last_sequence == model.next_sequence(p.producer_id) - 1);
        CHECK(p.transaction_start == model.open_transaction(p.producer_id));
    }
    for (const ModelBatch& b : model.batches)
        if (b.base >= model.start_max) CHECK(log.epoch_at(b.base) == b.epoch);
    const auto aborted = co_await log.aborted_transactions(log.start_offset(), end);
    CHECK(aborted.has_value());
    if (aborted) CHECK(*aborted == model.aborted(log.start_offset()));
}

// After a crash the log may have lost what was not durable, batch by batch from the end.
void accept_loss(Log& log, Model& model, bool power_cut) {
    const Offset end = log.end_offset();
    const Offset least = std::min(power_cut ? model.durable : model.written, model.maybe_cut);
    CHECK(end >= least);
    CHECK(end <= model.end());
    model.cut(end);
    CHECK(model.end() == end);
    // It was begun anew behind a start that outlived the records before it, and their transactions.
    if (power_cut && end == log.start_offset() && log.producers().empty())
        for (ModelBatch& batch : model.batches) batch.transactional = false;
    model.written = end;
    model.maybe_cut = INT64_MAX;
    model.start = std::min(model.start, log.start_offset());
}

AppendResult append_one(Log& log, Model& model, Rng& rng, TimestampMs now) {
    const auto id = static_cast<ProducerId>(rng.below(kProducers + 1));
    const Offset open = id < kProducers ? model.open_transaction(id) : -1;
    const bool marker = open >= 0 && rng.chance(0.2);
    const bool transactional =
        marker || open >= 0 || (id < kProducers && rng.chance(model.transactions));
    protocol::BatchOptions options{.transactional = transactional, .control = marker};
    if (id < kProducers) {
        options.producer_id = id;
        options.producer_epoch = 0;
        if (!marker) options.base_sequence = model.next_sequence(id);
    }
    protocol::BatchBuilder builder(options);
    std::optional<bool> abort;
    if (marker) {
        abort = rng.chance(0.5);
        const auto body = protocol::encode_end_txn_marker(1);
        builder.append_control(
            now, *abort ? protocol::ControlType::abort : protocol::ControlType::commit, body);
    } else {
        const std::string value(rng.below(rng.chance(0.1) ? 1100 : 300), 'v');
        for (uint64_t i = rng.below(5); i != UINT64_MAX; --i)
            builder.append(now, std::nullopt,
                           as_bytes(value.substr(0, rng.below(value.size() + 1))));
    }
    const int32_t count = builder.count();
    auto owner = std::make_shared<std::vector<uint8_t>>(*builder.finish());
    const auto result = log.append_as_leader(
        {MutableByteView{*owner}, owner, 0},
        {.leader_epoch = model.epoch,
         .now = now,
         .origin = marker ? protocol::AppendOrigin::coordinator : protocol::AppendOrigin::client,
         .gather = rng.chance(0.7)});
    if (!result) {
        CHECK_MESSAGE(false, result.error().detail);
        return {};
    }
    CHECK(result->first_offset == model.end());
    model.batches.push_back({result->first_offset, result->last_offset + 1, *owner, model.epoch, id,
                             options.base_sequence < 0 ? -1 : options.base_sequence + count - 1,
                             transactional, abort});
    return *result;
}

// Some at once, as the requests of one turn are; the last one's commit is for all of them.
Task<void> append_some(Log& log, Model& model, Rng& rng, TimestampMs now) {
    AppendResult last;
    for (uint64_t i = 1 + rng.below(3); i > 0; --i) last = append_one(log, model, rng, now);
    if (rng.chance(0.2)) co_return;  // nobody waits for these
    const auto committed = co_await log.commit(last);
    CHECK_MESSAGE(committed.has_value(), committed.error().describe());
    CHECK(log.committed(last));
    CHECK(log.readable_end() > last.last_offset);
    model.written = std::max(model.written, last.last_offset + 1);
    if (last.flush_due) model.durable = std::max(model.durable, last.last_offset + 1);
    log.set_high_watermark(log.readable_end());
}

Task<void> do_something(Log& log, LogManager& manager, Model& model, Rng& rng, TimestampMs now) {
    switch (rng.below(40)) {
        case 0: {
            const Offset end = model.end();
            if ((co_await log.flush()).has_value()) model.durable = model.written = end;
            co_return;
        }
        case 1: {
            const Offset end = model.end();
            const auto saved = co_await log.save();
            CHECK(saved.has_value());
            if (saved) model.durable = model.written = end;
            co_return;
        }
        case 2:
            CHECK((co_await manager.checkpoint()).has_value());
            co_return;
        case 3: {
            if (model.batches.empty() || !rng.chance(0.3)) co_return;
            const size_t at =
                model.batches.size() - 1 - rng.below(std::min<size_t>(5, model.batches.size()));
            const Offset offset = model.batches[at].base;
            if (offset < model.start) co_return;
            model.maybe_cut = offset;
            model.durable = std::min(model.durable, offset);
            const auto truncated = co_await log.truncate_to(offset);
            CHECK_MESSAGE(truncated.has_value(), truncated.error().describe());
            model.cut(offset);
            model.maybe_cut = INT64_MAX;
            ++model.epoch;
            co_return;
        }
        case 4: {
            if (model.batches.empty()) co_return;
            const Offset offset = model.batches[rng.below(model.batches.size())].base;
            if (offset > model.written) co_return;
            log.set_high_watermark(log.readable_end());
            model.start = std::max(model.start, offset);
            model.start_max = std::max(model.start_max, offset);
            const auto deleted = log.delete_records(offset, now);
            CHECK(deleted.has_value());
            CHECK(*deleted == model.start);
            co_return;
        }
        case 5:
            CHECK(log.roll(now).has_value());
            co_return;
        case 6:
            CHECK((co_await log.apply_retention(now)).has_value());
            co_return;
        case 7:
            if (!rng.chance(0.2)) co_return;
            log.begin_epoch(++model.epoch);
            co_return;
        case 8:
        case 9:
        case 10:
        case 11:
            if (model.batches.empty()) co_return;
            co_await compare(
                log, model,
                std::max(model.start, model.batches[rng.below(model.batches.size())].base), rng);
            co_return;
        default:
            co_await append_some(log, model, rng, now);
    }
}

Task<void> background(Context& context, LogManager& manager, const bool& done) {
    while (!done) {
        co_await context.loop.sleep_for(20ms);
        if (!done) co_await manager.maintain(context.loop.wall_ms());
    }
}

Task<void> do_step(Context& context, LogUsers& users, LogManager& manager, Node& n) {
    LogUsers::Use use(users, kName);
    const TimestampMs now = context.loop.wall_ms();
    const auto log = co_await use.log(now);
    CHECK_MESSAGE(log.has_value(), log.error().describe());
    if (log) co_await do_something(**log, manager, n.model, context.loop.rng(), now);
}

Task<void> work(Context& context, LogUsers& users, LogManager& manager, Node& n, bool& done) {
    Rng& rng = context.loop.rng();
    for (uint64_t steps = 20 + rng.below(200); steps > 0 || !n.clean_stop; --steps) {
        co_await do_step(context, users, manager, n);
        if (rng.chance(0.1)) co_await pause(context.loop, 10, 0.2, 150);
    }
    done = true;
}

Task<void> live(Context& context, Node& n) {
    auto manager = co_await LogManager::start(
        context.disk, context.loop.rng(), n.manager_config(),
        [&n](const std::string&) { return n.log_config(); }, context.loop.wall_ms());
    if (!manager) {
        CHECK_MESSAGE(false, manager.error().describe());
        co_return;
    }
    LogManager& logs = **manager;
    // A power cut may have taken the directory with all that was never flushed.
    auto opened = logs.contains(kName)
                      ? co_await logs.open(kName, context.loop.wall_ms())
                      : co_await logs.create(kName, Uuid{1, 2}, context.loop.wall_ms());
    if (!opened) {
        CHECK_MESSAGE(false, opened.error().describe());
        co_return;
    }
    if (n.crash.happened) accept_loss(**opened, n.model, n.crash.power_cut);
    n.crash = {};
    (*opened)->set_high_watermark((*opened)->end_offset());
    co_await verify(**opened, n);
    (*opened)->begin_epoch(++n.model.epoch);
    LogUsers users(logs);
    bool done = false;
    std::vector<Task<void>> tasks;
    tasks.push_back(work(context, users, logs, n, done));
    tasks.push_back(background(context, logs, done));
    co_await all(context.loop, std::move(tasks));
    opened = co_await logs.open(kName, context.loop.wall_ms());
    CHECK_MESSAGE(opened.has_value(), opened.error().describe());
    if (opened) co_await verify(**opened, n);
    n.closed += users.closed();
    CHECK((co_await logs.stop(7, context.loop.wall_ms())).has_value());
    n.model.durable = n.model.written = n.model.end();
    n.stopped = true;
}

}  // namespace

SIM_TEST("a log keeps what it acked through kills, power cuts and clean restarts") {
    Node n{sim};
    for (int boot = 0; boot < 12; ++boot) {
        CAPTURE(boot);
        n.stopped = false;
        n.clean_stop = sim.rng().chance(0.4);
        n.node.start([&n](Context& context) -> Task<void> { co_await live(context, n); });
        end_life(sim, n.node, n.clean_stop, n.stopped, 400ms, n.crash);
    }
}
