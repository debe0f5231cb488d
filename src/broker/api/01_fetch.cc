// Fetch: reads partitions up to their high watermark (or last stable offset); parks until there is
// enough to answer or the time is up. A parked fetch is woken by appends, never by polling.
// Kafka: KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, DelayedFetch.

#include <algorithm>

#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using PartitionData = FetchResponse::PartitionData;

constexpr int16_t kFirstVersionWithTopicIds = 13;
constexpr int8_t kReadCommitted = 1;

struct Target {
    FetchedPartition* wanted;
    PartitionPtr partition;
    ErrorCode error = ErrorCode::none;
};

struct Pass {
    std::vector<PartitionData> answers;  // one for each target
    uint64_t bytes = 0;
    bool answer_now = false;  // an error or a diverging epoch: the client must hear of it at once
};

PartitionData failed(PartitionIndex index, ErrorCode code) {
    PartitionData out;
    out.partition_index = index;
    out.error_code = static_cast<int16_t>(code);
    out.high_watermark = -1;
    out.aborted_transactions.reset();
    out.records.emplace();
    return out;
}

Task<std::vector<Target>> find_targets(Broker& broker, const RequestContext& context,
                                       FetchContext& session) {
    const metadata::ImagePtr image = broker.image();
    const bool by_id = context.version >= kFirstVersionWithTopicIds;
    std::vector<Target> targets;
    for (FetchedPartition& wanted : session.partitions()) {
        Target& target = targets.emplace_back(&wanted);
        const auto topic = by_id ? image->topic(wanted.topic_id) : image->topic(wanted.topic);
        if (!topic) {
            target.error =
                by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
            continue;
        }
        if (by_id && wanted.topic.empty()) wanted.topic = topic->name;
        if (const PartitionPtr* open = broker.partitions().find(topic->id, wanted.partition)) {
            target.partition = *open;
            continue;
        }
        auto opened = co_await broker.partitions().get(topic, wanted.partition);
        if (opened)
            target.partition = *std::move(opened);
        else
            target.error = opened.error().code;
    }
    co_return targets;
}

ErrorCode readable(const Target& target, const FetchRequest& request) {
    if (target.error != ErrorCode::none) return target.error;
    if (target.partition->gone()) return ErrorCode::unknown_topic_or_partition;
    if (std::max(request.replica_id, request.replica_state.replica_id) >= 0)
        return ErrorCode::not_leader_or_follower;
    return target.partition->check_epoch(std::max(-1, target.wanted->current_leader_epoch));
}

// Whether the log has gone another way than the client at its last fetched epoch; fills in where
// (KIP-595).
bool diverges(const storage::Log& log, const FetchedPartition& wanted, PartitionData& out) {
    if (wanted.last_fetched_epoch < 0) return false;
    const storage::EpochEnd end = log.end_of_epoch(wanted.last_fetched_epoch);
    if (end.epoch == -1) {
        out = failed(wanted.partition, ErrorCode::offset_out_of_range);
        return true;
    }
    if (end.epoch >= wanted.last_fetched_epoch && end.end_offset >= wanted.fetch_offset)
        return false;
    out.diverging_epoch.epoch = end.epoch;
    out.diverging_epoch.end_offset = end.end_offset;
    return true;
}

Task<PartitionData> read_one(Target& target, const FetchRequest& request, uint64_t bytes_max,
                             bool min_one, bool& answer_now) {
    const FetchedPartition& wanted = *target.wanted;
    if (const ErrorCode refused = readable(target, request); refused != ErrorCode::none) {
        answer_now = true;
        PartitionData unread = failed(wanted.partition, refused);
        // What never came to be read says that it has no aborted transactions, as Kafka's does.
        if (target.error != ErrorCode::none) unread.aborted_transactions.emplace();
        co_return unread;
    }
    storage::Log& log = target.partition->log();
    const bool committed = request.isolation_level == kReadCommitted;
    PartitionData out;
    out.partition_index = wanted.partition;
    out.high_watermark = log.high_watermark();
    out.last_stable_offset = log.last_stable_offset();
    out.log_start_offset = log.start_offset();
    out.records.emplace();
    if (!committed) out.aborted_transactions.reset();
    if (diverges(log, wanted, out)) {
        answer_now = true;
        co_return out;
    }
    const storage::ReadRequest read{
        .from = wanted.fetch_offset,
        .upper_bound = committed ? out.last_stable_offset : out.high_watermark,
        .max_bytes = bytes_max,
        .min_one = min_one};
    auto got = log.read_now(read);
    if (got.code() == ErrorCode::would_block) got = co_await log.read(read);
    if (!got) {
        answer_now = true;
        co_return failed(wanted.partition, got.error().code);
    }
    if (committed && !got->records.empty()) {
        const auto aborted =
            co_await log.aborted_transactions(wanted.fetch_offset, got->next_offset);
        if (!aborted) {
            answer_now = true;
            co_return failed(wanted.partition, aborted.error().code);
        }
        for (const auto& transaction : *aborted)
            out.aborted_transactions->push_back(
                {.producer_id = transaction.producer_id, .first_offset = transaction.first_offset});
    }
    *out.records = std::move(got->records);
    co_return out;
}

Task<Pass> read_all(std::vector<Target>& targets, const FetchRequest& request, int64_t bytes_max) {
    Pass pass;
    pass.answers.reserve(targets.size());
    for (Target& target : targets) {
        const int64_t left = std::max<int64_t>(0, bytes_max - static_cast<int64_t>(pass.bytes));
        const int64_t share = std::clamp<int64_t>(target.wanted->bytes_max, 0, left);
        auto answer = co_await read_one(target, request, static_cast<uint64_t>(share),
                                        pass.bytes == 0, pass.answer_now);
        pass.bytes += answer.records->size();
        pass.answers.push_back(std::move(answer));
    }
    co_return pass;
}

// Reads until there are `min_bytes`, something to tell at once, or the time is up.
Task<Pass> read_or_park(Broker& broker, const RequestContext& context, std::vector<Target>& targets,
                        const FetchRequest& request) {
    const int64_t bytes_max = std::min(request.max_bytes, broker.config().values().fetch_bytes_max);
    const auto deadline =
        context.received + std::chrono::milliseconds(std::max(0, request.max_wait_ms));
    const auto enough = [&](const Pass& pass) {
        return pass.answer_now || request.max_wait_ms <= 0 || targets.empty() ||
               static_cast<int64_t>(pass.bytes) >= request.min_bytes;
    };
    // Subscribed before the first look, so that nothing appended meanwhile is missed.
    runtime::Subscriber waiting{broker.loop()};
    waiting.reserve(targets.size() + 1);
    for (Target& target : targets)
        if (target.partition) waiting.subscribe(target.partition->changed());
    waiting.subscribe(broker.stopping());
    for (;;) {
        Pass pass = co_await read_all(targets, request, bytes_max);
        if (enough(pass) || broker.stopping().cancelled()) co_return pass;
        if (!co_await waiting.wait_until(deadline)) co_return pass;
    }
}

}  // namespace

Task<FetchResponse> fetch(Broker& broker, RequestContext& context, const FetchRequest& request) {
    FetchResponse response;
    if (request.isolation_level < 0 || request.isolation_level > kReadCommitted) {
        response.error_code = static_cast<int16_t>(ErrorCode::unknown_server_error);
        co_return response;
    }
    auto session = broker.sessions().begin(request, context.version, broker.loop().wall_ms());
    if (!session) {
        response.error_code = static_cast<int16_t>(session.error().code);
        co_return response;
    }
    std::vector<Target> targets = co_await find_targets(broker, context, *session);
    Pass pass = co_await read_or_park(broker, context, targets, request);

    response.session_id = session->session_id();
    for (size_t i = 0; i < targets.size(); ++i) {
        FetchedPartition& wanted = *targets[i].wanted;
        if (!session->include(wanted, pass.answers[i])) continue;
        auto& topics = response.responses;
        if (topics.empty() || topics.back().topic != wanted.topic ||
            topics.back().topic_id != wanted.topic_id) {
            auto& topic = topics.emplace_back();
            topic.topic = wanted.topic;
            topic.topic_id = wanted.topic_id;
        }
        topics.back().partitions.push_back(std::move(pass.answers[i]));
    }
    session->rotate();
    broker.metrics().fetched_bytes += pass.bytes;
    co_return response;
}

}  // namespace millrace::broker::api
