#include "client/offset_commits.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace millrace::client {
namespace {

// From version 10 on both speak of topic ids instead of names.
constexpr int16_t kLastVersionWithNames = 9;

}  // namespace

bool OffsetCommits::worth_retrying(ErrorCode code) {
    // The epoch has changed under way; the next request has the new one.
    return link_.worth_retrying(code) || code == ErrorCode::stale_member_epoch;
}

runtime::TimePoint OffsetCommits::attempt(runtime::TimePoint deadline) const {
    return std::min(deadline, cluster_.after(config_.client.request_timeout));
}

runtime::Task<Result<void>> OffsetCommits::commit(CommittedOffsets offsets,
                                                  runtime::TimePoint deadline) {
    if (offsets.empty()) co_return {};
    for (int failures = 0;; ++failures) {
        const auto done = co_await commit_once(offsets, deadline);
        if (done) co_return {};
        if (!worth_retrying(done.code())) co_return done.error();
        CO_TRY_OK(co_await cluster_.pause(failures, deadline, done.error()));
    }
}

runtime::Task<Result<void>> OffsetCommits::commit_once(const CommittedOffsets& offsets,
                                                       runtime::TimePoint deadline) {
    if (member_.rebalancing)
        co_return fail(ErrorCode::rebalance_in_progress, "commit again after the next poll()");
    // Without an epoch the coordinator of an empty group would take it, from anybody.
    if (member_.lost())
        co_return fail(ErrorCode::unknown_member_id, "this consumer is not a member now");
    protocol::OffsetCommitRequest request;
    request.group_id = protocol::Str::borrow(config_.group_id);
    request.generation_id_or_member_epoch = member_.epoch;
    request.member_id = member_.id;
    if (!member_.instance_id.empty()) request.group_instance_id = member_.instance_id;
    for (const auto& [place, committed] : offsets) {
        auto& topics = request.topics;
        if (topics.empty() || topics.back().name != place.topic)
            topics.emplace_back().name = place.topic;
        auto& part = topics.back().partitions.emplace_back();
        part.partition_index = place.partition;
        part.committed_offset = committed.offset;
        part.committed_leader_epoch = committed.epoch;
        part.committed_metadata = committed.metadata;
    }
    const auto began = cluster_.loop().now();
    CO_TRY(const auto reply,
           co_await link_.call(request, attempt(deadline), kLastVersionWithNames));
    link_.stats.commit(began, cluster_.loop().now());
    Error failed = fail(ErrorCode::none);
    for (const auto& topic : reply->topics) {
        for (const auto& said : topic.partitions) {
            const auto code = static_cast<ErrorCode>(said.error_code);
            // One that is final weighs more than one to repeat.
            if (code == ErrorCode::none ||
                (failed.code != ErrorCode::none && error_retriable(code)))
                continue;
            failed =
                fail(code, fmt::format("commit of {}-{}", topic.name.view(), said.partition_index));
        }
    }
    if (failed.code != ErrorCode::none) co_return failed;
    co_return {};
}

runtime::Task<Result<CommittedOffsets>> OffsetCommits::fetch(std::vector<TopicPartition> partitions,
                                                             runtime::TimePoint deadline) {
    if (partitions.empty()) co_return CommittedOffsets{};
    std::ranges::sort(partitions);
    for (int failures = 0;; ++failures) {
        auto found = co_await fetch_once(partitions, deadline);
        if (found || !worth_retrying(found.code())) co_return std::move(found);
        CO_TRY_OK(co_await cluster_.pause(failures, deadline, found.error()));
    }
}

namespace {

// Both shapes of the answer name topics, partitions and what was committed in the same way.
Result<void> take_committed(const auto& topics, CommittedOffsets& out) {
    for (const auto& topic : topics) {
        for (const auto& said : topic.partitions) {
            if (const auto code = static_cast<ErrorCode>(said.error_code); code != ErrorCode::none)
                return fail(code, fmt::format("committed offset of {}-{}", topic.name.view(),
                                              said.partition_index));
            if (said.committed_offset < 0) continue;
            out[{topic.name.str(), said.partition_index}] = {
                said.committed_offset, said.committed_leader_epoch,
                said.metadata ? said.metadata->str() : std::string()};
        }
    }
    return {};
}

void name_partitions(std::span<const TopicPartition> partitions, auto& topics) {
    for (const TopicPartition& place : partitions) {
        if (topics.empty() || topics.back().name != place.topic)
            topics.emplace_back().name = place.topic;
        topics.back().partition_indexes.push_back(place.partition);
    }
}

}  // namespace

runtime::Task<Result<CommittedOffsets>> OffsetCommits::fetch_once(
    std::span<const TopicPartition> partitions, runtime::TimePoint deadline) {
    constexpr int16_t kGroups = 8;
    constexpr int16_t kRequireStable = 7;
    CO_TRY(const ConnectionPtr connection, co_await link_.connection(attempt(deadline)));
    CO_TRY(const int16_t version,
           connection->versions().pick(protocol::ApiKey::offset_fetch, kLastVersionWithNames));
    protocol::OffsetFetchRequest request;
    request.require_stable = version >= kRequireStable;
    if (version >= kGroups) {
        auto& group = request.groups.emplace_back();
        group.group_id = config_.group_id;
        if (!member_.id.empty() && config_.group_protocol == GroupProtocol::consumer) {
            group.member_id = member_.id;
            group.member_epoch = member_.epoch;
        }
        name_partitions(partitions, group.topics.emplace());
    } else {
        request.group_id = config_.group_id;
        name_partitions(partitions, request.topics.emplace());
    }
    CO_TRY(const auto reply,
           co_await link_.call(request, attempt(deadline), kLastVersionWithNames));
    CommittedOffsets out;
    if (version >= kGroups) {
        if (reply->groups.empty()) co_return fail(ErrorCode::malformed, "an answer without groups");
        const auto& group = reply->groups.front();
        if (const auto code = static_cast<ErrorCode>(group.error_code); code != ErrorCode::none)
            co_return fail(code);
        CO_TRY_OK(take_committed(group.topics, out));
    } else {
        if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
            co_return fail(code);
        CO_TRY_OK(take_committed(reply->topics, out));
    }
    co_return out;
}

}  // namespace millrace::client
