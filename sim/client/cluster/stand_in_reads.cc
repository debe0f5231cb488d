// Metadata, Fetch, ListOffsets and OffsetForLeaderEpoch, as brokers of the stand-in cluster answer
// them.

#include <algorithm>

#include "sim/client/cluster/stand_in_broker.h"

namespace millrace::sim {
namespace {

using enum ErrorCode;
using runtime::Task;
using PartitionData = protocol::FetchResponse::PartitionData;

constexpr int16_t kFirstWithTopicIds = 13;
constexpr int16_t kFirstWithFollowers = 11;
constexpr int8_t kReadCommitted = 1;
constexpr ErrorCode kTopicErrors[] = {leader_not_available, unknown_topic_or_partition};
constexpr ErrorCode kPartitionErrors[] = {leader_not_available, replica_not_available};
constexpr ErrorCode kFetchErrors[] = {
    not_leader_or_follower, fenced_leader_epoch,  unknown_leader_epoch,      replica_not_available,
    kafka_storage_error,    offset_not_available, unknown_topic_or_partition};
constexpr ErrorCode kFetchErrorsById[] = {not_leader_or_follower, fenced_leader_epoch,
                                          unknown_leader_epoch, unknown_topic_id,
                                          inconsistent_topic_id};
constexpr ErrorCode kSessionErrors[] = {fetch_session_id_not_found, invalid_fetch_session_epoch};
constexpr ErrorCode kListErrors[] = {
    not_leader_or_follower, fenced_leader_epoch,  unknown_leader_epoch, replica_not_available,
    kafka_storage_error,    offset_not_available, leader_not_available, unknown_topic_or_partition};
constexpr ErrorCode kEpochErrors[] = {not_leader_or_follower, fenced_leader_epoch,
                                      unknown_leader_epoch, kafka_storage_error,
                                      unknown_topic_or_partition};

int16_t wire(ErrorCode code) {
    return static_cast<int16_t>(code);
}

PartitionData failed(PartitionIndex index, ErrorCode code) {
    PartitionData out;
    out.partition_index = index;
    out.error_code = wire(code);
    out.high_watermark = -1;
    out.aborted_transactions.reset();
    out.records.emplace();
    return out;
}

}  // namespace

Task<protocol::MetadataResponse> StandInBroker::metadata(const Call&,
                                                         const protocol::MetadataRequest& request) {
    protocol::MetadataResponse response;
    response.cluster_id = "stand-in";
    for (const auto& machine : cluster_.machines()) {
        if (!machine->registered) continue;
        auto& broker = response.brokers.emplace_back();
        broker.node_id = machine->id;
        broker.host = machine->node.name();
        broker.port = 9092;
        broker.rack = machine->rack;
    }
    response.controller_id = id_;
    const auto add = [&](const StandInTopic& topic) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        out.topic_id = cluster_.options().old ? Uuid{} : topic.id;
        out.is_internal = topic.name.starts_with("__");
        if (const auto injected = inject(kTopicErrors, {})) {
            out.error_code = wire(injected->code);
            return;
        }
        for (const auto& partition : topic.partitions) {
            auto& part = out.partitions.emplace_back();
            const auto knows = machine().knows[partition->place];
            part.partition_index = partition->place.partition;
            part.leader_id = knows.node;
            part.leader_epoch = knows.epoch;
            part.replica_nodes = part.isr_nodes = partition->replicas;
            if (knows.node < 0) part.error_code = wire(leader_not_available);
            if (const auto injected = inject(kPartitionErrors, {}))
                part.error_code = wire(injected->code);
            if (part.error_code == wire(leader_not_available)) part.leader_id = -1;
        }
    };
    if (!request.topics) {
        for (const auto& [name, topic] : cluster_.topics()) add(topic);
        co_return response;
    }
    for (const auto& wanted : *request.topics) {
        const std::string name = wanted.name ? wanted.name->str() : std::string{};
        const auto found = cluster_.topics().find(name);
        const StandInTopic* topic =
            found != cluster_.topics().end() ? &found->second : cluster_.topic(wanted.topic_id);
        if (topic) {
            add(*topic);
            continue;
        }
        auto& out = response.topics.emplace_back();
        out.name = wanted.name;
        out.topic_id = wanted.topic_id;
        out.error_code = wire(wanted.name ? unknown_topic_or_partition : unknown_topic_id);
    }
    co_return response;
}

// A follower in the reader's rack that has what it wants; -1: none.
NodeId StandInBroker::nearer(const StandInPartition& partition, std::string_view rack,
                             Offset from) {
    if (rack.empty() || rack == machine().rack) return -1;
    for (const NodeId replica : partition.replicas) {
        const auto& follower = cluster_.at(replica);
        const auto known = partition.follower_knows.find(replica);
        if (replica != id_ && follower.rack == rack && follower.registered &&
            known != partition.follower_knows.end() && from <= known->second)
            return replica;
    }
    return -1;
}

PartitionData StandInBroker::read(const Call& call, const protocol::FetchRequest& request,
                                  broker::FetchedPartition& wanted, bool& now, bool first) {
    const bool by_id = call.version >= kFirstWithTopicIds;
    const StandInTopic* topic = by_id ? cluster_.topic(wanted.topic_id) : nullptr;
    if (topic) wanted.topic = topic->name;
    const auto give_up = [&](ErrorCode code) {
        now = true;
        return failed(wanted.partition, code);
    };
    StandInPartition* const partition = cluster_.find(wanted.topic, wanted.partition);
    if (!partition) return give_up(by_id ? unknown_topic_id : unknown_topic_or_partition);
    const bool replica = std::ranges::find(partition->replicas, id_) != partition->replicas.end();
    ErrorCode code = leads(*partition, wanted.current_leader_epoch);
    const bool follows = code == not_leader_or_follower && replica && partition->leader >= 0 &&
                         call.version >= kFirstWithFollowers;
    if (follows) code = none;
    if (first)
        if (const auto injected =
                inject(by_id ? std::span<const ErrorCode>{kFetchErrorsById} : kFetchErrors, {}))
            code = injected->code;
    if (code != none) {
        PartitionData out = give_up(code);
        if ((code == not_leader_or_follower || code == fenced_leader_epoch) &&
            loop().rng().chance(0.5)) {
            out.current_leader.leader_id = partition->leader;
            out.current_leader.leader_epoch = partition->epoch;
        }
        return out;
    }
    ReplicatedLog& log = partition->log;
    const Offset end = follows ? partition->follower_knows[id_] : log.end();
    if (wanted.fetch_offset < 0 || wanted.fetch_offset > end) return give_up(offset_out_of_range);
    const bool committed = request.isolation_level == kReadCommitted;
    PartitionData out;
    out.partition_index = wanted.partition;
    out.high_watermark = follows ? end : log.high_watermark();
    out.last_stable_offset = std::min(out.high_watermark, log.last_stable());
    out.log_start_offset = 0;
    out.records.emplace();
    if (!committed) out.aborted_transactions.reset();
    if (!follows)
        if (const NodeId near = nearer(*partition, request.rack_id, wanted.fetch_offset);
            near >= 0) {
            now = true;
            out.preferred_read_replica = near;
            return out;
        }
    const Offset upper = committed ? out.last_stable_offset : out.high_watermark;
    Offset next = 0;
    auto bytes = log.read(wanted.fetch_offset, upper, static_cast<size_t>(wanted.bytes_max), next);
    if (committed && !bytes.empty())
        for (const auto& aborted : log.aborted(wanted.fetch_offset, next))
            out.aborted_transactions->push_back(
                {.producer_id = aborted.producer_id, .first_offset = aborted.first_offset});
    if (!bytes.empty()) out.records = Chain{SharedBytes::own(std::move(bytes))};
    return out;
}

Task<protocol::FetchResponse> StandInBroker::fetch(const Call& call,
                                                   const protocol::FetchRequest& request) {
    protocol::FetchResponse response;
    if (const auto injected = request.session_id != 0 ? inject(kSessionErrors, {}) : std::nullopt) {
        response.error_code = wire(injected->code);
        co_return response;
    }
    auto session = sessions_.begin(request, call.version, loop().wall_ms());
    if (!session) {
        response.error_code = wire(session.code());
        co_return response;
    }
    const auto deadline =
        loop().now() + std::chrono::milliseconds(std::max(0, request.max_wait_ms));
    runtime::Subscriber waiting{loop()};
    for (StandInPartition* partition : cluster_.partitions())
        waiting.subscribe(partition->log.changed);
    std::vector<PartitionData> answers;
    for (bool first = true;; first = false) {
        answers.clear();
        bool now = false;
        for (auto& wanted : session->partitions()) {
            answers.push_back(read(call, request, wanted, now, first));
            now = now || !answers.back().records->empty();
        }
        if (now || !co_await waiting.wait_until(deadline)) break;
    }
    response.session_id = session->session_id();
    size_t i = 0;
    for (auto& wanted : session->partitions()) {
        PartitionData& data = answers[i++];
        if (!session->include(wanted, data)) continue;
        auto& topics = response.responses;
        if (topics.empty() || topics.back().topic != wanted.topic ||
            topics.back().topic_id != wanted.topic_id) {
            auto& topic = topics.emplace_back();
            topic.topic = wanted.topic;
            topic.topic_id = wanted.topic_id;
        }
        topics.back().partitions.push_back(std::move(data));
    }
    session->rotate();
    co_return response;
}

Task<protocol::ListOffsetsResponse> StandInBroker::list_offsets(
    const Call&, const protocol::ListOffsetsRequest& request) {
    protocol::ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        for (const auto& wanted : topic.partitions) {
            auto& answer = out.partitions.emplace_back();
            answer.partition_index = wanted.partition_index;
            StandInPartition* const partition = cluster_.find(topic.name, wanted.partition_index);
            ErrorCode code = partition ? leads(*partition, wanted.current_leader_epoch)
                                       : unknown_topic_or_partition;
            if (const auto injected = inject(kListErrors, {})) code = injected->code;
            answer.error_code = wire(code);
            if (code != none) continue;
            const ReplicatedLog& log = partition->log;
            const Offset upper = request.isolation_level == kReadCommitted ? log.last_stable()
                                                                           : log.high_watermark();
            if (wanted.timestamp >= 0) {
                const auto found = log.first_since(wanted.timestamp, upper);
                answer.offset = found.offset;
                answer.timestamp = found.timestamp;
                answer.leader_epoch = found.leader_epoch;
            } else {
                answer.offset = wanted.timestamp == storage::kEarliestTimestamp ? 0 : upper;
                answer.leader_epoch = log.epoch_at(answer.offset);
            }
        }
    }
    co_return response;
}

Task<protocol::OffsetForLeaderEpochResponse> StandInBroker::offset_for_leader_epoch(
    const Call&, const protocol::OffsetForLeaderEpochRequest& request) {
    protocol::OffsetForLeaderEpochResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.topic = topic.topic;
        for (const auto& wanted : topic.partitions) {
            auto& answer = out.partitions.emplace_back();
            answer.partition = wanted.partition;
            StandInPartition* const partition = cluster_.find(topic.topic, wanted.partition);
            ErrorCode code = partition ? leads(*partition, wanted.current_leader_epoch)
                                       : unknown_topic_or_partition;
            if (const auto injected = inject(kEpochErrors, {})) code = injected->code;
            answer.error_code = wire(code);
            if (code != none) continue;
            const storage::EpochEnd end = partition->log.end_of(wanted.leader_epoch);
            answer.leader_epoch = end.epoch;
            answer.end_offset = end.end_offset;
        }
    }
    co_return response;
}

}  // namespace millrace::sim
