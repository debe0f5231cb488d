#include "client/transactions.h"

#include <fmt/format.h>

#include "protocol/messages/add_offsets_to_txn.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/txn_offset_commit.h"

namespace millrace::client {
namespace {

// Up to this version a client asks for one transaction, with its fields at the top.
constexpr int16_t kOneTransaction = 3;
// The last versions of before KIP-890.
constexpr int16_t kEndWithoutEpoch = 4;
constexpr int16_t kOffsetsAnnounced = 4;

bool lost_coordinator(ErrorCode code) {
    return code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available ||
           Cluster::network_error(code);
}

bool worth_repeating(ErrorCode code) {
    return error_retriable(code) || Cluster::network_error(code) ||
           code == ErrorCode::concurrent_transactions;
}

// What no abort mends.
bool final_for_producer(ErrorCode code) {
    switch (code) {
        case ErrorCode::producer_fenced:
        case ErrorCode::invalid_producer_epoch:
        case ErrorCode::invalid_producer_id_mapping:
        case ErrorCode::transactional_id_authorization_failed:
        case ErrorCode::invalid_txn_state:
        case ErrorCode::unsupported_version:
        case ErrorCode::cluster_authorization_failed:
            return true;
        default:
            return false;
    }
}

}  // namespace

template <typename Request>
runtime::Task<Result<Reply<typename Request::Response>>> Transactions::ask(
    CoordinatorType type, std::string key, const Request& request, runtime::TimePoint deadline,
    int16_t at_most) {
    CO_TRY(const NodeId node, co_await cluster_.coordinator(type, std::move(key), deadline));
    co_return co_await cluster_.call(node, request, deadline, at_most);
}

template <typename Attempt>
runtime::Task<Result<void>> Transactions::repeat(Attempt attempt, CoordinatorType type,
                                                 std::string key, runtime::TimePoint deadline) {
    for (int failures = 0;; ++failures) {
        const Result<void> done = co_await attempt();
        if (done) co_return {};
        if (lost_coordinator(done.code())) cluster_.forget_coordinator(type, key);
        if (!worth_repeating(done.code())) co_return judged(done.error());
        CO_TRY_OK(co_await cluster_.pause(failures, deadline, done.error()));
    }
}

Error Transactions::judged(Error error) {
    if (final_for_producer(error.code)) {
        session_.fail_for_good(error);
        schedule_.wanted().set();
    } else if (state_ == State::open) {
        fail_transaction(error);
    }
    return error;
}

void Transactions::fail_transaction(Error why) {
    if (state_ != State::open) return;
    state_ = State::failed;
    failure_ = std::move(why);
    schedule_.wanted().set();  // what was not yet sent is given up
}

runtime::Task<Result<void>> Transactions::init(runtime::TimePoint deadline) {
    if (state_ != State::none)
        co_return fail(ErrorCode::invalid_txn_state, "the producer was initialised before");
    if (const auto done = co_await session_.acquire(deadline); !done) {
        if (final_for_producer(done.code())) session_.fail_for_good(done.error());
        co_return done.error();
    }
    CO_TRY(const NodeId node, co_await cluster_.coordinator(CoordinatorType::transaction,
                                                            config_.transactional_id, deadline));
    CO_TRY(const ConnectionPtr connection, co_await cluster_.connection(node, deadline));
    implicit_ = connection->versions().finalized_level("transaction.version") >= 2;
    state_ = State::ready;
    co_return {};
}

Result<void> Transactions::begin() {
    if (session_.broken()) return *session_.broken();
    if (state_ != State::ready)
        return fail(ErrorCode::invalid_txn_state, state_ == State::none
                                                      ? "init_transactions() comes first"
                                                      : "a transaction is open already");
    state_ = State::open;
    return {};
}

Result<void> Transactions::check_open() const {
    if (state_ == State::open) return {};
    if (state_ == State::failed) return failure_;
    return fail(ErrorCode::invalid_txn_state, "no transaction is open");
}

bool Transactions::may_send(PartitionQueue& queue) {
    if (implicit_) return started_ = true;
    TopicPartition place{queue.topic, queue.partition};
    if (announced_.contains(place)) return true;
    to_announce_.emplace(std::move(place), &queue);
    if (!std::exchange(announcing_, true)) tasks_.spawn(announce());
    return false;
}

runtime::Task<void> Transactions::announce() {
    const auto deadline = cluster_.after(config_.delivery_timeout);
    announced_all_.reset();
    while (!to_announce_.empty()) {
        const auto queues = std::exchange(to_announce_, {});
        std::set<TopicPartition> places;
        for (const auto& [place, queue] : queues) places.insert(place);
        const auto done =
            co_await repeat([&] [[clang::coro_wrapper]] { return announce_once(places); },
                            CoordinatorType::transaction, config_.transactional_id, deadline);
        if (done) {
            started_ = true;
            announced_.merge(places);
        } else {
            fail_transaction(done.error());
        }
        for (const auto& [place, queue] : queues) schedule_.look(*queue);
        if (!done) break;
    }
    to_announce_.clear();
    announcing_ = false;
    announced_all_.set();
}

runtime::Task<Result<void>> Transactions::announce_once(const std::set<TopicPartition>& places) {
    if (state_ != State::open) co_return fail(ErrorCode::cancelled, "the transaction is over");
    protocol::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = protocol::Str::borrow(config_.transactional_id);
    request.v3_and_below_producer_id = session_.identity().id;
    request.v3_and_below_producer_epoch = session_.identity().epoch;
    auto& topics = request.v3_and_below_topics;
    for (const TopicPartition& place : places) {
        if (topics.empty() || topics.back().name != place.topic)
            topics.emplace_back().name = place.topic;
        topics.back().partitions.push_back(place.partition);
    }
    CO_TRY(const auto reply,
           co_await ask(CoordinatorType::transaction, config_.transactional_id, request,
                        cluster_.after(config_.client.request_timeout), kOneTransaction));
    for (const auto& topic : reply->results_by_topic_v3_and_below)
        for (const auto& partition : topic.results_by_partition) {
            const auto code = static_cast<ErrorCode>(partition.partition_error_code);
            // Not tried, because another one failed, whose error counts.
            if (code == ErrorCode::none || code == ErrorCode::operation_not_attempted) continue;
            co_return fail(code, fmt::format("{}-{} cannot be part of the transaction",
                                             topic.name.view(), partition.partition_index));
        }
    co_return {};
}

runtime::Task<Result<void>> Transactions::send_offsets(const CommittedOffsets& offsets,
                                                       const GroupMetadata& group,
                                                       runtime::TimePoint deadline) {
    CO_TRY_OK(check_open());
    if (offsets.empty()) co_return {};
    if (!implicit_)
        CO_TRY_OK(co_await repeat(
            [&] [[clang::coro_wrapper]] { return add_group(group.group_id, deadline); },
            CoordinatorType::transaction, config_.transactional_id, deadline));
    started_ = true;
    co_return co_await repeat(
        [&] [[clang::coro_wrapper]] { return commit_offsets(offsets, group, deadline); },
        CoordinatorType::group, group.group_id, deadline);
}

runtime::Task<Result<void>> Transactions::add_group(const std::string& group,
                                                    runtime::TimePoint deadline) {
    protocol::AddOffsetsToTxnRequest request;
    request.transactional_id = protocol::Str::borrow(config_.transactional_id);
    request.producer_id = session_.identity().id;
    request.producer_epoch = session_.identity().epoch;
    request.group_id = protocol::Str::borrow(group);
    CO_TRY(const auto reply, co_await ask(CoordinatorType::transaction, config_.transactional_id,
                                          request, deadline, INT16_MAX));
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code);
    co_return {};
}

runtime::Task<Result<void>> Transactions::commit_offsets(const CommittedOffsets& offsets,
                                                         const GroupMetadata& group,
                                                         runtime::TimePoint deadline) {
    protocol::TxnOffsetCommitRequest request;
    request.transactional_id = protocol::Str::borrow(config_.transactional_id);
    request.group_id = protocol::Str::borrow(group.group_id);
    request.producer_id = session_.identity().id;
    request.producer_epoch = session_.identity().epoch;
    request.generation_id = group.member.epoch;
    request.member_id = protocol::Str::borrow(group.member.id);
    if (!group.member.instance_id.empty())
        request.group_instance_id = protocol::Str::borrow(group.member.instance_id);
    for (const auto& [place, committed] : offsets) {
        auto& topics = request.topics;
        if (topics.empty() || topics.back().name != place.topic)
            topics.emplace_back().name = place.topic;
        auto& partition = topics.back().partitions.emplace_back();
        partition.partition_index = place.partition;
        partition.committed_offset = committed.offset;
        partition.committed_leader_epoch = committed.epoch;
        partition.committed_metadata = committed.metadata;
    }
    CO_TRY(const auto reply, co_await ask(CoordinatorType::group, group.group_id, request, deadline,
                                          implicit_ ? INT16_MAX : kOffsetsAnnounced));
    for (const auto& topic : reply->topics)
        for (const auto& partition : topic.partitions)
            if (const auto code = static_cast<ErrorCode>(partition.error_code);
                code != ErrorCode::none)
                co_return fail(code, fmt::format("offset of {}-{}", topic.name.view(),
                                                 partition.partition_index));
    co_return {};
}

runtime::Task<Result<void>> Transactions::end(bool commit, bool raise_epoch,
                                              runtime::TimePoint deadline) {
    if (session_.broken()) co_return *session_.broken();
    if (commit) CO_TRY_OK(check_open());
    if (state_ != State::open && state_ != State::failed)
        co_return fail(ErrorCode::invalid_txn_state, "no transaction is open");
    const State before = std::exchange(state_, State::ending);
    // What is announced late would become part of the next one.
    while (announcing_)
        if (!co_await announced_all_.wait_until(cluster_.loop(), deadline)) {
            state_ = before;
            co_return fail(ErrorCode::deadline_exceeded, "partitions are still being announced");
        }
    if (started_) {
        const auto done =
            co_await repeat([&] [[clang::coro_wrapper]] { return end_once(commit, deadline); },
                            CoordinatorType::transaction, config_.transactional_id, deadline);
        if (!done) {
            // May be tried again: whether it has ended is not known.
            state_ = before;
            co_return done.error();
        }
    }
    // Under version 2 the end has raised it.
    if (raise_epoch && !(implicit_ && started_))
        CO_TRY_OK(co_await session_.acquire(deadline, true));
    forget_transaction();
    co_return {};
}

runtime::Task<Result<void>> Transactions::end_once(bool commit, runtime::TimePoint deadline) {
    protocol::EndTxnRequest request;
    request.transactional_id = protocol::Str::borrow(config_.transactional_id);
    request.producer_id = session_.identity().id;
    request.producer_epoch = session_.identity().epoch;
    request.committed = commit;
    CO_TRY(const auto reply,
           co_await ask(CoordinatorType::transaction, config_.transactional_id, request, deadline,
                        implicit_ ? INT16_MAX : kEndWithoutEpoch));
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code);
    if (implicit_ && reply->producer_id >= 0)
        session_.adopt({reply->producer_id, reply->producer_epoch});
    co_return {};
}

void Transactions::forget_transaction() {
    state_ = State::ready;
    failure_ = fail(ErrorCode::none);
    started_ = false;
    announced_.clear();
    to_announce_.clear();
}

}  // namespace millrace::client
