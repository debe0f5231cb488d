#include "transaction/transaction_coordinator.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "runtime/scope.h"
#include "transaction/list_filter.h"

namespace millrace::transaction {

using coordinator::Access;
using coordinator::Lanes;
using runtime::Task;
using Shard = coordinator::Shard<TransactionMachine>;
using ShardPtr = std::shared_ptr<Shard>;
using Effects = TransactionMachine::Effects;

namespace {

// How soon what the log or a partition refused is tried again.
constexpr auto kRetryInterval = std::chrono::milliseconds{100};
// How long EndTxn waits for the markers at most.
constexpr auto kMarkersWaitMax = std::chrono::milliseconds{1'000};

bool is_final(ErrorCode error) {
    return error == ErrorCode::none || error == ErrorCode::unknown_topic_or_partition ||
           error == ErrorCode::invalid_producer_epoch ||
           error == ErrorCode::transaction_coordinator_fenced;
}

}  // namespace

struct TransactionCoordinator::Impl {
    Impl(runtime::Loop& l, TransactionConfig c) : loop(l), config(c), scope(l) {
        shards.partition_count = config.topic_partitions;
    }

    runtime::Loop& loop;
    const TransactionConfig config;
    Host* host = nullptr;
    coordinator::Shards<TransactionMachine> shards;
    runtime::Scope scope;  // commits, and what runs beside requests
    runtime::Event stopping;
    // Transactions whose markers are being written, and who waits for that. A partition that came
    // back does not care for what its predecessor has not finished.
    struct Finishing {
        const Shard* shard = nullptr;
        std::shared_ptr<runtime::Event> done;
    };
    std::map<std::string, Finishing, std::less<>> finishing;

    // Starts writing the markers of the id's decided transaction, unless somebody does so.
    void start_finishing(const ShardPtr& shard, const std::string& id);
    Task<void> finish(ShardPtr shard, std::string id, std::shared_ptr<runtime::Event> done);
    Task<void> write_markers(ShardPtr shard, std::string id, Transaction prepared);
    Task<void> write_marker(TopicPartition partition, coordinator::Marker marker, bool& done);
    Task<void> wait_finished(std::string_view id, Duration at_most);
    Task<bool> pause() {
        co_return co_await stopping.wait_until(loop, loop.now() + kRetryInterval);
    }

    // An input that nobody waits for.
    template <typename Decide>
    Task<ErrorCode> decide_quietly(ShardPtr shard, std::string id, Decide decide);
    Task<void> abort_timed_out(ShardPtr shard, std::string id);
    Task<void> remove_expired(ShardPtr shard, std::string id);
};

TransactionCoordinator::TransactionCoordinator(runtime::Loop& loop, TransactionConfig config)
    : impl_(std::make_unique<Impl>(loop, config)) {}

TransactionCoordinator::~TransactionCoordinator() = default;

void TransactionCoordinator::connect(Host& host) {
    impl_->host = &host;
}

void TransactionCoordinator::set_partition_count(int32_t count) {
    impl_->shards.partition_count = count > 0 ? count : impl_->config.topic_partitions;
}

PartitionIndex TransactionCoordinator::partition_for(std::string_view id) const {
    return impl_->shards.partition_for(id);
}

Task<Result<void>> TransactionCoordinator::load(PartitionIndex partition,
                                                coordinator::CoordinatorLog& log) {
    auto shard = std::make_shared<Shard>(impl_->loop, impl_->scope, log::Room("transaction"), log);
    CO_TRY_OK(co_await impl_->shards.load(partition, shard));
    std::vector<std::string> decided;
    shard->machine.each([&](const std::string& id, const Transaction& transaction) {
        if (transaction.preparing()) decided.push_back(id);
    });
    for (const std::string& id : decided) impl_->start_finishing(shard, id);
    co_return {};
}

Task<void> TransactionCoordinator::unload(PartitionIndex partition) {
    co_await impl_->shards.unload(partition);
}

// --- requests

Task<TransactionCoordinator::Outcome> TransactionCoordinator::init_producer_id(
    const Init& request) {
    if (request.id.empty()) co_return Outcome{ErrorCode::invalid_request};
    if (request.two_phase_commit && !impl_->config.two_phase_commit)
        co_return Outcome{ErrorCode::transactional_id_authorization_failed};
    // Kafka does not have it yet either (KIP-939).
    if (request.keep_prepared) co_return Outcome{ErrorCode::unsupported_version};
    if (!request.two_phase_commit &&
        (request.timeout_ms <= 0 || request.timeout_ms > impl_->config.max_timeout_ms))
        co_return Outcome{ErrorCode::invalid_transaction_timeout};
    ShardPtr shard;
    if (const ErrorCode error = impl_->shards.find(request.id, shard); error != ErrorCode::none)
        co_return Outcome{error};
    Lanes::Stay stay = co_await shard->lanes.enter(request.id, Access::exclusive);
    TransactionMachine::Init init{
        .id = request.id,
        .timeout_ms = request.two_phase_commit ? kNoTimeout : request.timeout_ms,
        .expected = request.expected,
        .server_version = impl_->host->transaction_version()};
    if (!shard->active()) co_return Outcome{ErrorCode::not_coordinator};
    if (shard->machine.init_needs_producer_id(request.id, request.expected)) {
        const auto fresh = co_await impl_->host->new_producer_id();
        if (!fresh) co_return Outcome{ErrorCode::coordinator_not_available};
        if (!shard->active()) co_return Outcome{ErrorCode::not_coordinator};
        init.new_producer_id = *fresh;
    }
    Effects effects;
    const auto reply = shard->machine.init(init, shard->now(), effects);
    const ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    impl_->start_finishing(shard, std::string{request.id});
    if (error != ErrorCode::none) co_return Outcome{error};
    if (reply.error != ErrorCode::none) co_return Outcome{reply.error};
    co_return Outcome{ErrorCode::none, reply.producer};
}

Task<ErrorCode> TransactionCoordinator::add_partitions(const Add& request) {
    if (request.id.empty()) co_return ErrorCode::invalid_request;
    ShardPtr shard;
    if (const ErrorCode error = impl_->shards.find(request.id, shard); error != ErrorCode::none)
        co_return error;
    if (request.patient)
        co_await impl_->wait_finished(request.id,
                                      std::chrono::milliseconds{impl_->config.add_wait_ms});
    Lanes::Stay stay = co_await shard->lanes.enter(request.id, Access::exclusive);
    if (!shard->active()) co_return ErrorCode::not_coordinator;
    Effects effects;
    const ErrorCode refused =
        shard->machine.add({.id = request.id,
                            .producer = request.producer,
                            .partitions = request.partitions,
                            .client_version = request.client_version,
                            .server_version = impl_->host->transaction_version()},
                           shard->now(), effects);
    const ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    co_return refused != ErrorCode::none ? refused : error;
}

ErrorCode TransactionCoordinator::verify(std::string_view id, const Producer& producer,
                                         std::string_view topic, PartitionIndex partition) const {
    if (id.empty()) return ErrorCode::invalid_request;
    ShardPtr shard;
    if (const ErrorCode error = impl_->shards.find(id, shard); error != ErrorCode::none)
        return error;
    const ErrorCode error = shard->machine.check_open(id, producer);
    if (error != ErrorCode::none) return error;
    return shard->machine.contains(id, topic, partition) ? ErrorCode::none
                                                         : ErrorCode::transaction_abortable;
}

Task<TransactionCoordinator::Outcome> TransactionCoordinator::end(const End& request) {
    if (request.id.empty()) co_return Outcome{ErrorCode::invalid_request};
    ShardPtr shard;
    if (const ErrorCode error = impl_->shards.find(request.id, shard); error != ErrorCode::none)
        co_return Outcome{error};
    Lanes::Stay stay = co_await shard->lanes.enter(request.id, Access::exclusive);
    if (!shard->active()) co_return Outcome{ErrorCode::not_coordinator};
    TransactionMachine::End end{.id = request.id,
                                .producer = request.producer,
                                .commit = request.commit,
                                .client_version = request.client_version,
                                .server_version = impl_->host->transaction_version()};
    if (shard->machine.end_needs_producer_id(request.id, request.client_version)) {
        const auto fresh = co_await impl_->host->new_producer_id();
        if (!fresh) co_return Outcome{ErrorCode::coordinator_not_available};
        if (!shard->active()) co_return Outcome{ErrorCode::not_coordinator};
        end.new_producer_id = *fresh;
    }
    Effects effects;
    const auto reply = shard->machine.end(end, shard->now(), effects);
    const ErrorCode error = co_await shard->commit(std::move(stay), std::move(effects));
    if (error != ErrorCode::none) co_return Outcome{error};
    if (reply.error != ErrorCode::none) co_return Outcome{reply.error};
    impl_->start_finishing(shard, std::string{request.id});
    co_await impl_->wait_finished(request.id, kMarkersWaitMax);
    co_return Outcome{ErrorCode::none, reply.producer};
}

// --- markers

void TransactionCoordinator::Impl::start_finishing(const ShardPtr& shard, const std::string& id) {
    if (!shard->active()) return;
    const Transaction* transaction = shard->machine.find(id);
    if (!transaction || !transaction->preparing()) return;
    Finishing& entry = finishing[id];
    if (entry.shard == shard.get()) return;
    entry = {.shard = shard.get(), .done = std::make_shared<runtime::Event>()};
    scope.spawn(finish(shard, id, entry.done));
}

Task<void> TransactionCoordinator::Impl::wait_finished(std::string_view id, Duration at_most) {
    const auto found = finishing.find(id);
    if (found == finishing.end()) co_return;
    const std::shared_ptr<runtime::Event> done = found->second.done;
    (void)co_await done->wait_until(loop, loop.now() + at_most);
}

Task<void> TransactionCoordinator::Impl::finish(ShardPtr shard, std::string id,
                                                std::shared_ptr<runtime::Event> done) {
    const Transaction* decided = shard->active() ? shard->machine.find(id) : nullptr;
    if (decided && decided->preparing()) {
        const Transaction prepared = *decided;
        co_await write_markers(shard, id, prepared);
        while (!stopping.is_set() && shard->active()) {
            const auto complete = [&](TransactionMachine& machine, Now now, Effects& effects) {
                machine.complete(id, prepared, host->transaction_version(), now, effects);
            };
            if (co_await decide_quietly(shard, id, complete) == ErrorCode::none) break;
            if (co_await pause()) break;
        }
    }
    if (const auto entry = finishing.find(id);
        entry != finishing.end() && entry->second.done == done)
        finishing.erase(entry);
    done->set();
}

Task<void> TransactionCoordinator::Impl::write_markers(ShardPtr shard, std::string id,
                                                       Transaction prepared) {
    std::vector<TopicPartition> left;
    for (const auto& [topic, partitions] : prepared.partitions)
        for (const PartitionIndex partition : partitions) left.push_back({topic, partition});
    const coordinator::Marker marker{.producer_id = prepared.producer_id,
                                     .producer_epoch = prepared.epoch,
                                     .coordinator_epoch = shard->epoch(),
                                     .commit = prepared.state == State::prepare_commit,
                                     .transaction_version = prepared.client_version};
    while (!left.empty() && shard->active()) {
        const auto done = std::make_unique<bool[]>(left.size());
        std::vector<Task<void>> writes;
        for (size_t i = 0; i < left.size(); ++i)
            writes.push_back(write_marker(left[i], marker, done[i]));
        co_await runtime::all(loop, std::move(writes));
        std::vector<TopicPartition> again;
        for (size_t i = 0; i < left.size(); ++i)
            if (!done[i]) again.push_back(std::move(left[i]));
        left = std::move(again);
        if (left.empty()) break;
        LOG_WARN("transaction", "{}: {} markers are to be written again", id, left.size());
        if (co_await pause()) break;
    }
}

Task<void> TransactionCoordinator::Impl::write_marker(TopicPartition partition,
                                                      coordinator::Marker marker, bool& done) {
    const ErrorCode error = co_await host->write_marker(partition, marker);
    done = is_final(error);
    if (error != ErrorCode::none)
        LOG_WARN("transaction", "marker of producer {} to {}-{}: {}", marker.producer_id,
                 partition.topic, partition.partition, error_name(error));
}

// --- time

template <typename Decide>
Task<ErrorCode> TransactionCoordinator::Impl::decide_quietly(ShardPtr shard, std::string id,
                                                             Decide decide) {
    Lanes::Stay stay = co_await shard->lanes.enter(id, Access::exclusive);
    if (!shard->active()) co_return ErrorCode::not_coordinator;
    Effects effects;
    decide(shard->machine, shard->now(), effects);
    co_return co_await shard->commit(std::move(stay), std::move(effects));
}

Task<void> TransactionCoordinator::Impl::abort_timed_out(ShardPtr shard, std::string id) {
    const auto decide = [&](TransactionMachine& machine, Now now, Effects& effects) {
        machine.abort_timed_out(id, host->transaction_version(), now, effects);
        if (!effects.records.empty())
            LOG_INFO("transaction", "the transaction of {} is aborted: it took too long", id);
    };
    (void)co_await decide_quietly(shard, id, decide);
    start_finishing(shard, id);
}

Task<void> TransactionCoordinator::Impl::remove_expired(ShardPtr shard, std::string id) {
    const auto decide = [&](TransactionMachine& machine, Now now, Effects& effects) {
        machine.remove_expired(id, config.id_expiration_ms, now, effects);
    };
    (void)co_await decide_quietly(shard, id, decide);
}

Task<void> TransactionCoordinator::run() {
    Impl& impl = *impl_;
    const auto timeouts = std::chrono::milliseconds{impl.config.timeout_check_interval_ms};
    const auto expiry = std::chrono::milliseconds{impl.config.expiration_check_interval_ms};
    runtime::TimePoint next_timeouts = impl.loop.now() + timeouts;
    runtime::TimePoint next_expiry = impl.loop.now() + expiry;
    while (!co_await impl.stopping.wait_until(impl.loop, std::min(next_timeouts, next_expiry))) {
        const bool check_timeouts = impl.loop.now() >= next_timeouts;
        const bool check_expiry = impl.loop.now() >= next_expiry;
        if (check_timeouts) next_timeouts = impl.loop.now() + timeouts;
        if (check_expiry) next_expiry = impl.loop.now() + expiry;
        for (const auto& [index, shard] : impl.shards) {
            if (!shard->active()) continue;
            if (check_timeouts)
                for (std::string& id : shard->machine.timed_out(shard->now()))
                    impl.scope.spawn(impl.abort_timed_out(shard, std::move(id)));
            if (check_expiry)
                for (std::string& id :
                     shard->machine.expired(impl.config.id_expiration_ms, shard->now()))
                    impl.scope.spawn(impl.remove_expired(shard, std::move(id)));
        }
    }
    co_await impl.scope.join();
}

void TransactionCoordinator::stop() {
    impl_->stopping.set();
}

// --- tools

protocol::DescribeTransactionsResponse::TransactionState TransactionCoordinator::describe(
    std::string_view id) const {
    protocol::DescribeTransactionsResponse::TransactionState out;
    out.transactional_id = id;
    const auto refuse = [&](ErrorCode error) {
        out.error_code = static_cast<int16_t>(error);
        return out;
    };
    if (id.empty()) return refuse(ErrorCode::invalid_request);
    ShardPtr shard;
    if (const ErrorCode error = impl_->shards.find(id, shard); error != ErrorCode::none)
        return refuse(error);
    const Transaction* transaction = shard->machine.find(id);
    if (!transaction || transaction->state == State::dead)
        return refuse(ErrorCode::transactional_id_not_found);
    out.transaction_state = state_name(transaction->state);
    out.transaction_timeout_ms = transaction->timeout_ms;
    out.transaction_start_time_ms = transaction->started;
    out.producer_id = transaction->producer_id;
    out.producer_epoch = transaction->epoch;
    for (const auto& [topic, partitions] : transaction->partitions) {
        auto& listed = out.topics.emplace_back();
        listed.topic = topic;
        listed.partitions.assign(partitions.begin(), partitions.end());
    }
    return out;
}

protocol::ListTransactionsResponse TransactionCoordinator::list(
    const protocol::ListTransactionsRequest& request) const {
    protocol::ListTransactionsResponse out;
    const auto filter = ListFilter::make(request, out.unknown_state_filters);
    if (!filter) {
        out.error_code = static_cast<int16_t>(filter.error().code);
        return out;
    }
    for (const auto& [index, shard] : impl_->shards) {
        if (shard->state() == Shard::State::loading) {
            out.transaction_states.clear();
            out.error_code = static_cast<int16_t>(ErrorCode::coordinator_load_in_progress);
            return out;
        }
        if (!shard->active()) continue;
        const TimestampMs now = shard->now().wall_ms;
        shard->machine.each([&](const std::string& id, const Transaction& transaction) {
            if (!filter->admits(id, transaction, now)) return;
            auto& row = out.transaction_states.emplace_back();
            row.transactional_id = id;
            row.producer_id = transaction.producer_id;
            row.transaction_state = state_name(transaction.state);
        });
    }
    return out;
}

}  // namespace millrace::transaction
