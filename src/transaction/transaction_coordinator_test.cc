#include "transaction/transaction_coordinator.h"

#include <doctest/doctest.h>

#include "runtime/linux_loop.h"
#include "runtime/scope.h"

namespace millrace::transaction {
namespace {

using runtime::Task;

class MemoryLog : public coordinator::CoordinatorLog {
public:
    explicit MemoryLog(runtime::Loop& loop) : loop_(loop) {}

    Task<Result<Offset>> append(std::span<const coordinator::Record> batch,
                                const std::optional<coordinator::TransactionalWriter>&) override {
        const auto base = static_cast<Offset>(records.size());
        records.insert(records.end(), batch.begin(), batch.end());
        co_await loop_.yield();
        co_return base;
    }
    Task<Result<Offset>> append_marker(const coordinator::Marker&) override {
        co_return fail(ErrorCode::invalid_request);
    }
    LeaderEpoch epoch() const override { return 4; }
    Task<Result<void>> replay(Visitor& visitor) override {
        for (size_t i = 0; i < records.size(); ++i) {
            coordinator::RecordView view{static_cast<Offset>(i), records[i].key, {}};
            if (records[i].value) view.value = ByteView{*records[i].value};
            CO_TRY_OK(visitor.record(view));
        }
        co_return Result<void>{};
    }
    std::vector<coordinator::Record> records;

private:
    runtime::Loop& loop_;
};

struct Node : Host {
    runtime::LinuxLoop loop;
    MemoryLog log{loop};
    TransactionConfig config{.topic_partitions = 1};
    std::unique_ptr<TransactionCoordinator> transactions;
    ProducerId next_id = 100;
    std::vector<std::pair<TopicPartition, coordinator::Marker>> markers;
    int refuse = 0;  // so many markers
    ErrorCode refusal = ErrorCode::kafka_storage_error;

    Task<Result<ProducerId>> new_producer_id() override { co_return next_id++; }
    Task<ErrorCode> write_marker(const TopicPartition& partition,
                                 const coordinator::Marker& marker) override {
        co_await loop.yield();
        if (refuse > 0) {
            --refuse;
            co_return refusal;
        }
        markers.emplace_back(partition, marker);
        co_return ErrorCode::none;
    }
    int16_t transaction_version() const override { return 2; }

    void run(Task<void> (*test)(Node&)) {
        transactions = std::make_unique<TransactionCoordinator>(loop, config);
        transactions->connect(*this);
        loop.run(with_timers(test));
    }
    Task<void> with_timers(Task<void> (*test)(Node&)) {
        runtime::Scope scope{loop};
        scope.spawn(transactions->run());
        CHECK((co_await transactions->load(0, log)).has_value());
        co_await test(*this);
        transactions->stop();
        co_await transactions->unload(0);
        co_await scope.join();
    }
    Task<Producer> begin(std::string_view id, PartitionSet partitions) {
        const auto ready =
            co_await transactions->init_producer_id({.id = id, .timeout_ms = 60'000});
        CHECK(ready.error == ErrorCode::none);
        const ErrorCode added =
            co_await transactions->add_partitions({.id = id,
                                                   .producer = ready.producer,
                                                   .partitions = std::move(partitions),
                                                   .client_version = 2});
        CHECK(added == ErrorCode::none);
        co_return ready.producer;
    }
};

TEST_CASE("a commit writes its markers, to all partitions, until each has it") {
    Node node;
    node.refuse = 2;
    node.run([](Node& n) -> Task<void> {
        const Producer producer = co_await n.begin("a", {{"t", {0, 1}}, {"u", {3}}});
        const auto ended = co_await n.transactions->end(
            {.id = "a", .producer = producer, .commit = true, .client_version = 2});
        CHECK(ended.error == ErrorCode::none);
        CHECK(ended.producer == Producer{producer.id, 1});
        REQUIRE(n.markers.size() == 3);
        for (const auto& [partition, marker] : n.markers) {
            CHECK(marker.commit);
            CHECK(marker.producer_epoch == 1);
            CHECK(marker.coordinator_epoch == 4);
            CHECK(marker.transaction_version == 2);
        }
        CHECK(n.transactions->describe("a").transaction_state.view() == "CompleteCommit");
    });
}

TEST_CASE("what cannot be ended any more is not tried again") {
    Node node;
    node.refuse = 1;
    node.refusal = ErrorCode::unknown_topic_or_partition;
    node.run([](Node& n) -> Task<void> {
        const Producer producer = co_await n.begin("a", {{"gone", {0}}});
        const auto ended = co_await n.transactions->end(
            {.id = "a", .producer = producer, .commit = false, .client_version = 2});
        CHECK(ended.error == ErrorCode::none);
        CHECK(n.markers.empty());
        CHECK(n.transactions->describe("a").transaction_state.view() == "CompleteAbort");
    });
}

TEST_CASE("a decided transaction is finished after a restart") {
    Node node;
    // The log of a coordinator that ended right after its decision.
    Transaction decided{.producer_id = 9,
                        .epoch = 3,
                        .timeout_ms = 1'000,
                        .state = State::prepare_abort,
                        .partitions = {{"t", {0}}},
                        .updated = 1,
                        .started = 1,
                        .client_version = 2};
    node.log.records.push_back(to_record("a", decided, 2));
    node.run([](Node& n) -> Task<void> {
        // Whoever comes waits for it.
        const ErrorCode added = co_await n.transactions->add_partitions({.id = "a",
                                                                         .producer = {9, 3},
                                                                         .partitions = {{"t", {1}}},
                                                                         .client_version = 2,
                                                                         .patient = true});
        CHECK(added == ErrorCode::none);
        REQUIRE(n.markers.size() == 1);
        CHECK_FALSE(n.markers[0].second.commit);
        CHECK(n.transactions->describe("a").transaction_state.view() == "Ongoing");
    });
}

TEST_CASE("a new producer aborts the open transaction, and then gets the id") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        const Producer old = co_await n.begin("a", {{"t", {0}}});
        TransactionCoordinator::Outcome fresh;
        do {
            fresh = co_await n.transactions->init_producer_id({.id = "a", .timeout_ms = 60'000});
            co_await n.loop.yield();
        } while (fresh.error == ErrorCode::concurrent_transactions);
        CHECK(fresh.producer == Producer{old.id, 2});
        CHECK(n.markers.size() == 1);
        const ErrorCode late = co_await n.transactions->add_partitions(
            {.id = "a", .producer = old, .partitions = {{"t", {0}}}, .client_version = 2});
        CHECK(late == ErrorCode::producer_fenced);
    });
}

TEST_CASE("two-phase commit has to be allowed") {
    for (const bool allowed : {false, true}) {
        Node node;
        node.config.two_phase_commit = allowed;
        node.next_id = allowed ? 1 : 0;
        node.run([](Node& n) -> Task<void> {
            TransactionCoordinator::Init init{.id = "a", .timeout_ms = 5, .two_phase_commit = true};
            const auto ready = co_await n.transactions->init_producer_id(init);
            CHECK(ready.error == (n.config.two_phase_commit
                                      ? ErrorCode::none
                                      : ErrorCode::transactional_id_authorization_failed));
            if (n.config.two_phase_commit)
                CHECK(n.transactions->describe("a").transaction_timeout_ms == kNoTimeout);
            init.two_phase_commit = false;
            init.keep_prepared = true;
            const auto kept = co_await n.transactions->init_producer_id(init);
            CHECK(kept.error == ErrorCode::unsupported_version);
        });
    }
}

TEST_CASE("ListTransactions filters") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        const Producer open = co_await n.begin("open", {{"t", {0}}});
        (void)co_await n.transactions->init_producer_id({.id = "empty", .timeout_ms = 60'000});
        const auto listed = [&](const protocol::ListTransactionsRequest& request) {
            const auto response = n.transactions->list(request);
            std::string ids;
            for (const auto& row : response.transaction_states)
                ids += row.transactional_id.str() + " ";
            return ids;
        };
        CHECK(listed({}) == "empty open ");
        protocol::ListTransactionsRequest by_state;
        by_state.state_filters = {"Ongoing", "Sleepy"};
        CHECK(listed(by_state) == "open ");
        CHECK(n.transactions->list(by_state).unknown_state_filters.at(0).view() == "Sleepy");
        protocol::ListTransactionsRequest by_producer;
        by_producer.producer_id_filters = {open.id};
        CHECK(listed(by_producer) == "open ");
        protocol::ListTransactionsRequest by_pattern;
        by_pattern.transactional_id_pattern.emplace("e.*");
        CHECK(listed(by_pattern) == "empty ");
        by_pattern.transactional_id_pattern.emplace("[");
        CHECK(n.transactions->list(by_pattern).error_code ==
              static_cast<int16_t>(ErrorCode::invalid_regular_expression));
    });
}

}  // namespace
}  // namespace millrace::transaction
