#include "transaction/machine.h"

#include <doctest/doctest.h>

#include "base/random.h"

namespace millrace::transaction {
namespace {

using Effects = TransactionMachine::Effects;

// A machine on a log in memory. Every step replays the log into another machine, which must end up
// with the same state.
struct Harness {
    TransactionMachine machine;
    std::vector<coordinator::Record> log;
    Now now{.mono_ms = 1'000, .wall_ms = 1'700'000'000'000};
    int16_t version = 2;
    ProducerId next_id = 1'000;

    static void apply(TransactionMachine& to, Offset offset, const coordinator::Record& record) {
        Effects unused;
        coordinator::RecordView view{offset, record.key, {}};
        if (record.value) view.value = ByteView{*record.value};
        REQUIRE(to.apply(view, unused).has_value());
    }
    void settle(Effects effects, bool commit = true) {
        if (commit)
            for (const auto& record : effects.records) {
                apply(machine, static_cast<Offset>(log.size()), record);
                log.push_back(record);
            }
        Effects more;
        if (effects.after)
            effects.after(commit ? ErrorCode::none : ErrorCode::coordinator_not_available, more);
        CHECK(more.records.empty());
    }
    void check_replay() const {
        TransactionMachine again;
        for (size_t i = 0; i < log.size(); ++i) apply(again, static_cast<Offset>(i), log[i]);
        std::map<std::string, Transaction> here, there;
        machine.each([&](const std::string& id, const Transaction& t) { here[id] = t; });
        again.each([&](const std::string& id, const Transaction& t) { there[id] = t; });
        CHECK(here == there);
    }

    TransactionMachine::InitReply init(std::string_view id, std::optional<Producer> expected = {},
                                       bool commit = true) {
        TransactionMachine::Init request{
            .id = id, .timeout_ms = 60'000, .expected = expected, .server_version = version};
        if (machine.init_needs_producer_id(id, expected)) request.new_producer_id = next_id++;
        Effects effects;
        const auto reply = machine.init(request, now, effects);
        settle(std::move(effects), commit);
        return reply;
    }
    ErrorCode add(std::string_view id, Producer producer, const std::string& topic = "t",
                  PartitionIndex partition = 0) {
        const PartitionSet partitions{{topic, {partition}}};
        Effects effects;
        const ErrorCode error = machine.add({.id = id,
                                             .producer = producer,
                                             .partitions = partitions,
                                             .client_version = version >= 2 ? version : int16_t{0},
                                             .server_version = version},
                                            now, effects);
        settle(std::move(effects));
        return error;
    }
    TransactionMachine::EndReply end(std::string_view id, Producer producer, bool commit,
                                     bool append = true) {
        const int16_t client = version >= 2 ? version : int16_t{0};
        TransactionMachine::End request{.id = id,
                                        .producer = producer,
                                        .commit = commit,
                                        .client_version = client,
                                        .server_version = version};
        if (machine.end_needs_producer_id(id, client)) request.new_producer_id = next_id++;
        Effects effects;
        const auto reply = machine.end(request, now, effects);
        settle(std::move(effects), append);
        return reply;
    }
    void complete(std::string_view id) {
        const Transaction* prepared = machine.find(id);
        REQUIRE(prepared);
        Effects effects;
        machine.complete(id, Transaction{*prepared}, version, now, effects);
        settle(std::move(effects));
    }
    State state(std::string_view id) const { return machine.find(id)->state; }
    // As if `epochs` had been used.
    void use_up(std::string_view id, ProducerEpoch epoch) {
        Transaction transaction = *machine.find(id);
        transaction.epoch = epoch;
        Effects effects;
        effects.records.push_back(to_record(id, transaction, version));
        settle(std::move(effects));
    }
};

TEST_CASE("a transaction with a client that keeps its epoch") {
    Harness h{.version = 1};
    const auto first = h.init("a");
    CHECK(first.producer == Producer{1'000, 0});
    CHECK(h.add("a", first.producer) == ErrorCode::none);
    CHECK(h.add("a", first.producer, "u", 3) == ErrorCode::none);
    CHECK(h.state("a") == State::ongoing);
    CHECK(h.machine.find("a")->partitions == PartitionSet{{"t", {0}}, {"u", {3}}});
    CHECK(h.end("a", first.producer, true).error == ErrorCode::none);
    CHECK(h.state("a") == State::prepare_commit);
    CHECK(h.add("a", first.producer) == ErrorCode::concurrent_transactions);
    CHECK(h.end("a", first.producer, true).error == ErrorCode::concurrent_transactions);
    CHECK(h.end("a", first.producer, false).error == ErrorCode::invalid_txn_state);
    CHECK(h.init("a").error == ErrorCode::concurrent_transactions);
    h.complete("a");
    CHECK(h.state("a") == State::complete_commit);
    CHECK(h.machine.find("a")->partitions.empty());
    CHECK(h.machine.find("a")->epoch == 0);
    // Asked again, it has been done; the other outcome is not possible any more.
    CHECK(h.end("a", first.producer, true).error == ErrorCode::none);
    CHECK(h.end("a", first.producer, false).error == ErrorCode::invalid_txn_state);
    h.check_replay();
}

TEST_CASE("a transaction with a client whose epoch grows with each") {
    Harness h;
    const Producer first = h.init("a").producer;
    CHECK(h.add("a", first) == ErrorCode::none);
    const auto ended = h.end("a", first, true);
    CHECK(ended.producer == Producer{first.id, 1});
    CHECK(h.machine.find("a")->epoch == 1);  // what the markers carry
    CHECK(h.end("a", first, true).error == ErrorCode::concurrent_transactions);
    CHECK(h.end("a", ended.producer, true).error == ErrorCode::producer_fenced);
    h.complete("a");
    // The answer was lost: the same again.
    CHECK(h.end("a", first, true).producer == ended.producer);
    CHECK(h.end("a", first, false).error == ErrorCode::invalid_txn_state);
    CHECK(h.add("a", first) == ErrorCode::producer_fenced);
    // Nothing reached us of the next one: it can be aborted, not committed.
    CHECK(h.end("a", ended.producer, true).error == ErrorCode::invalid_txn_state);
    const auto empty = h.end("a", ended.producer, false);
    CHECK(empty.error == ErrorCode::none);
    CHECK(empty.producer == Producer{first.id, 2});
    h.complete("a");
    CHECK(h.state("a") == State::complete_abort);
    h.check_replay();
}

// As Apache Kafka 4.3.1 was seen to write them.
TEST_CASE("the records of two transactions") {
    Harness h;
    const Producer first = h.init("a").producer;
    CHECK(h.add("a", first) == ErrorCode::none);
    const Producer second = h.end("a", first, false).producer;
    h.complete("a");
    CHECK(h.add("a", second) == ErrorCode::none);
    h.end("a", second, true);
    const PartitionSet one{{"t", {0}}};
    const struct {
        State state;
        ProducerEpoch epoch;
        PartitionSet partitions;
        TimestampMs started;
        int16_t client_version;
    } rows[] = {{State::empty, 0, {}, -1, 0},
                {State::ongoing, 0, one, h.now.wall_ms, 2},
                {State::prepare_abort, 1, one, h.now.wall_ms, 2},
                {State::complete_abort, 1, {}, h.now.wall_ms, 2},
                {State::ongoing, 1, one, h.now.wall_ms, 2},
                {State::prepare_commit, 2, one, h.now.wall_ms, 2}};
    REQUIRE(h.log.size() == std::size(rows));
    for (size_t i = 0; i < h.log.size(); ++i) {
        CAPTURE(i);
        const auto stored = from_record(*h.log[i].value);
        REQUIRE(stored.has_value());
        CHECK(*stored == Transaction{.producer_id = first.id,
                                     .previous_producer_id = first.id,
                                     .epoch = rows[i].epoch,
                                     .timeout_ms = 60'000,
                                     .state = rows[i].state,
                                     .partitions = rows[i].partitions,
                                     .updated = h.now.wall_ms,
                                     .started = rows[i].started,
                                     .client_version = rows[i].client_version});
    }
}

TEST_CASE("who initialises last is the producer") {
    for (const int16_t version : {int16_t{1}, int16_t{2}}) {
        Harness h{.version = version};
        const Producer old = h.init("a").producer;
        CHECK(h.add("a", old) == ErrorCode::none);
        // The open transaction goes first, and its producer with it.
        CHECK(h.init("a").error == ErrorCode::concurrent_transactions);
        CHECK(h.state("a") == State::prepare_abort);
        CHECK(h.machine.find("a")->epoch == 1);
        CHECK(h.init("a").error == ErrorCode::concurrent_transactions);
        h.complete("a");
        const auto mine = h.init("a");
        CHECK(mine.producer == Producer{old.id, 2});
        CHECK(h.add("a", old) == ErrorCode::producer_fenced);
        CHECK(h.end("a", old, true).error == ErrorCode::producer_fenced);
        CHECK(h.init("a", old).error == ErrorCode::producer_fenced);
        CHECK(h.add("a", mine.producer) == ErrorCode::none);
        h.check_replay();
    }
}

TEST_CASE("a producer that says who it is gets the next epoch, and the same when it asks again") {
    Harness h;
    const Producer first = h.init("a").producer;
    const auto bumped = h.init("a", first);
    CHECK(bumped.producer == Producer{first.id, 1});
    CHECK(h.init("a", first).producer == bumped.producer);
    CHECK(h.init("a", Producer{first.id + 7, 1}).error == ErrorCode::producer_fenced);
    // Somebody else came in between.
    const auto other = h.init("a");
    CHECK(other.producer == Producer{first.id, 2});
    CHECK(h.init("a", bumped.producer).error == ErrorCode::producer_fenced);
    // An id that is not known here is new, whoever asks.
    CHECK(h.init("b", Producer{77, 5}).producer == Producer{h.next_id - 1, 0});
    h.check_replay();
}

TEST_CASE("when the epochs are used up the producer gets another id") {
    Harness h;
    const Producer first = h.init("a").producer;
    h.use_up("a", kEpochMax);
    const Producer last{first.id, kEpochMax};
    SUBCASE("with InitProducerId") {
        const auto fresh = h.init("a", last);
        CHECK(fresh.producer == Producer{h.next_id - 1, 0});
        CHECK(h.init("a", last).producer == fresh.producer);  // asked again
        CHECK(h.init("a", Producer{first.id, 3}).error == ErrorCode::producer_fenced);
    }
    SUBCASE("with the end of a transaction") {
        CHECK(h.add("a", last) == ErrorCode::none);
        const auto ended = h.end("a", last, true);
        CHECK(ended.producer == Producer{h.next_id - 1, 0});
        CHECK(h.machine.find("a")->epoch == INT16_MAX);
        CHECK(h.machine.find("a")->producer_id == first.id);
        h.complete("a");
        CHECK(h.machine.find("a")->producer_id == ended.producer.id);
        CHECK(h.end("a", last, true).producer == ended.producer);  // asked again
        CHECK(h.add("a", ended.producer) == ErrorCode::none);
    }
    SUBCASE("by being fenced") {
        CHECK(h.add("a", last) == ErrorCode::none);
        CHECK(h.init("a").error == ErrorCode::concurrent_transactions);
        CHECK(h.machine.find("a")->epoch == INT16_MAX);
        h.complete("a");
        CHECK(h.init("a").producer == Producer{h.next_id - 1, 0});
    }
    h.check_replay();
}

TEST_CASE("requests of unknown ids and wrong producers") {
    Harness h;
    CHECK(h.add("nobody", {1, 0}) == ErrorCode::invalid_producer_id_mapping);
    CHECK(h.end("nobody", {1, 0}, true).error == ErrorCode::invalid_producer_id_mapping);
    const Producer mine = h.init("a").producer;
    CHECK(h.add("a", {mine.id + 1, 0}) == ErrorCode::invalid_producer_id_mapping);
    CHECK(h.add("a", {mine.id, 5}) == ErrorCode::producer_fenced);
    CHECK(h.end("a", {mine.id + 1, 0}, true).error == ErrorCode::invalid_producer_id_mapping);
    CHECK(h.end("a", mine, true).error == ErrorCode::invalid_txn_state);
    CHECK(h.machine.check_open("a", mine) == ErrorCode::none);
    CHECK_FALSE(h.machine.contains("a", "t", 0));
    CHECK(h.add("a", mine) == ErrorCode::none);
    CHECK(h.machine.contains("a", "t", 0));
    CHECK_FALSE(h.machine.contains("a", "t", 1));
}

TEST_CASE("what takes too long is aborted, what nobody uses is forgotten") {
    Harness h;
    const Producer mine = h.init("a").producer;
    CHECK(h.add("a", mine) == ErrorCode::none);
    h.init("b");
    h.now.wall_ms += 60'000;
    CHECK(h.machine.timed_out(h.now).empty());
    h.now.wall_ms += 1;
    CHECK(h.machine.timed_out(h.now) == std::vector<std::string>{"a"});
    Effects effects;
    h.machine.abort_timed_out("a", 2, h.now, effects);
    h.settle(std::move(effects));
    CHECK(h.state("a") == State::prepare_abort);
    // Its epoch is one below, as with a request that is repeated: the outcome is the other one.
    CHECK(h.end("a", mine, true).error == ErrorCode::invalid_txn_state);
    CHECK(h.add("a", mine) == ErrorCode::producer_fenced);
    CHECK(h.machine.timed_out(h.now).empty());
    CHECK(h.machine.expired(60'001, h.now) == std::vector<std::string>{"b"});
    Effects removal;
    h.machine.remove_expired("b", 60'001, h.now, removal);
    h.machine.remove_expired("a", 0, h.now, removal);  // not while its markers are on their way
    h.settle(std::move(removal));
    CHECK(h.machine.find("b") == nullptr);
    CHECK(h.machine.find("a") != nullptr);
    h.check_replay();
}

TEST_CASE("what the log refused has not happened") {
    Harness h;
    const Producer mine = h.init("a").producer;
    (void)h.init("a", std::nullopt, false);
    CHECK(h.machine.find("a")->epoch == 0);
    CHECK(h.add("a", mine) == ErrorCode::none);
    (void)h.end("a", mine, true, false);
    CHECK(h.state("a") == State::ongoing);
    CHECK(h.end("a", mine, false).error == ErrorCode::none);
    CHECK(h.state("a") == State::prepare_abort);
    h.check_replay();
}

// Several producers that fight for one id, each as a careful client behaves. Whatever happens: an
// outcome that a client was told is the outcome, one transaction has one, and only the newest
// producer gets anything done.
TEST_CASE("random producers against a machine") {
    struct Client {
        std::optional<Producer> producer;
    };
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        Rng rng{seed};
        Harness h{.version = static_cast<int16_t>(rng.below(2) + 1)};
        Client clients[3];
        size_t newest = 3;  // whoever initialised last
        for (int step = 0; step < 300; ++step) {
            h.now.wall_ms += static_cast<int64_t>(rng.below(2'000));
            const size_t who = rng.below(3);
            Client& client = clients[who];
            const uint64_t what = rng.below(10);
            if (what == 0 && h.machine.find("a") && h.state("a") == State::empty) {
                h.use_up("a", kEpochMax);
                newest = 3;
            }
            if (what == 0 || !client.producer) {
                const bool was_open = h.machine.find("a") && h.state("a") == State::ongoing;
                const auto reply = h.init("a");
                if (reply.error == ErrorCode::none) {
                    client.producer = reply.producer;
                    newest = who;
                } else {
                    CHECK(reply.error == ErrorCode::concurrent_transactions);
                    if (was_open) newest = 3;  // fenced
                }
            } else if (what < 5) {
                const ErrorCode error =
                    h.add("a", *client.producer, "t", static_cast<PartitionIndex>(rng.below(4)));
                if (error == ErrorCode::none) {
                    CHECK(who == newest);
                }
            } else if (what < 8) {
                const bool commit = rng.chance(0.6);
                const bool was_open = h.state("a") == State::ongoing;
                const auto reply = h.end("a", *client.producer, commit);
                if (reply.error == ErrorCode::none) {
                    if (was_open) CHECK(who == newest);
                    const State now = h.state("a");
                    const bool outcome_stands =
                        commit ? now == State::prepare_commit || now == State::complete_commit
                               : now == State::prepare_abort || now == State::complete_abort;
                    CHECK(outcome_stands);
                    if (h.version >= 2) client.producer = reply.producer;
                    newest = who;
                }
            } else if (h.machine.find("a")->preparing()) {
                h.complete("a");
            }
        }
        h.check_replay();
    }
}

}  // namespace
}  // namespace millrace::transaction
