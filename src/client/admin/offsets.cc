#include "client/admin.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/messages/list_offsets.h"

namespace millrace::client {
namespace {

using protocol::Str;

template <typename Topics>
auto& topic_of(Topics& topics, const std::string& name) {
    for (auto& topic : topics)
        if (std::string_view{topic.name} == name) return topic;
    auto& added = topics.emplace_back();
    added.name = Str::borrow(name);
    return added;
}

// The leader is another by now, or there is none yet.
bool leader_moved(ErrorCode code) {
    return code == ErrorCode::not_leader_or_follower || code == ErrorCode::leader_not_available ||
           code == ErrorCode::fenced_leader_epoch || code == ErrorCode::unknown_leader_epoch;
}

}  // namespace

runtime::Task<Result<Admin::Leaders>> Admin::leaders_of(std::vector<TopicPartition> partitions,
                                                        runtime::TimePoint until) {
    CO_TRY_OK(co_await know_brokers(until));
    std::set<std::string> names;
    for (const TopicPartition& tp : partitions) names.insert(tp.topic);
    CO_TRY(const auto topics, co_await describe_by_metadata({names.begin(), names.end()}, until));
    Leaders out;
    for (const TopicPartition& tp : partitions) {
        const auto topic = std::ranges::find(topics, tp.topic, &TopicDescription::name);
        const auto partition =
            std::ranges::find(topic->partitions, tp.partition, &PartitionDescription::index);
        if (topic->error.code != ErrorCode::none)
            out.refused[tp] = topic->error;
        else if (partition == topic->partitions.end())
            out.refused[tp] = fail(ErrorCode::unknown_topic_or_partition);
        else if (partition->leader < 0)
            out.refused[tp] = fail(ErrorCode::leader_not_available);
        else
            out.by_node[partition->leader].push_back(tp);
    }
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, FoundOffset>>> Admin::list_offsets(
    std::map<TopicPartition, TimestampMs> times, bool committed_only) {
    const auto until = deadline();
    std::map<TopicPartition, FoundOffset> out;
    std::vector<TopicPartition> left;
    for (const auto& [tp, time] : times) left.push_back(tp);
    for (int failures = 0; !left.empty(); ++failures) {
        CO_TRY(const Leaders leaders, co_await leaders_of(left, until));
        left.clear();
        Error last{ErrorCode::leader_not_available, {}};
        for (const auto& [tp, error] : leaders.refused) {
            out[tp].error = error;
            if (leader_moved(error.code)) left.push_back(tp);
        }
        for (const auto& [node, partitions] : leaders.by_node) {
            protocol::ListOffsetsRequest request;
            request.replica_id = -1;
            request.isolation_level = committed_only ? 1 : 0;
            request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
            for (const TopicPartition& tp : partitions)
                topic_of(request.topics, tp.topic)
                    .partitions.push_back({tp.partition, -1, times.at(tp)});
            const auto reply = co_await cluster_.call(node, request, until);
            if (!reply && !Cluster::network_error(reply.code())) co_return reply.error();
            if (!reply) {
                last = reply.error();
                left.insert(left.end(), partitions.begin(), partitions.end());
                continue;
            }
            for (const auto& topic : (*reply)->topics)
                for (const auto& p : topic.partitions) {
                    const TopicPartition tp{topic.name.str(), p.partition_index};
                    out[tp] = {p.offset, p.timestamp, p.leader_epoch, said_error(p.error_code)};
                    if (!leader_moved(out[tp].error.code)) continue;
                    last = out[tp].error;
                    left.push_back(tp);
                }
        }
        // What is still to be asked when the time is over keeps its error.
        if (!left.empty() && !co_await cluster_.pause(failures, until, last)) break;
    }
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, DeletedRecords>>> Admin::delete_records(
    std::map<TopicPartition, Offset> before) {
    const auto until = deadline();
    std::vector<TopicPartition> partitions;
    for (const auto& [tp, offset] : before) partitions.push_back(tp);
    CO_TRY(const Leaders leaders, co_await leaders_of(std::move(partitions), until));
    std::map<TopicPartition, DeletedRecords> out;
    for (const auto& [tp, error] : leaders.refused) out[tp].error = error;
    for (const auto& [node, led] : leaders.by_node) {
        protocol::DeleteRecordsRequest request;
        request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
        for (const TopicPartition& tp : led)
            topic_of(request.topics, tp.topic).partitions.push_back({tp.partition, before.at(tp)});
        CO_TRY(const auto reply, co_await cluster_.call(node, request, until));
        for (const auto& topic : reply->topics)
            for (const auto& p : topic.partitions)
                out[{topic.name.str(), p.partition_index}] = {p.low_watermark,
                                                              said_error(p.error_code)};
    }
    co_return out;
}

runtime::Task<Result<std::vector<BrokerDirectories>>> Admin::describe_log_dirs(
    std::vector<NodeId> brokers, std::optional<std::vector<TopicPartition>> only) {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    if (brokers.empty())
        for (const auto& [id, broker] : cluster_.metadata().brokers()) brokers.push_back(id);
    protocol::DescribeLogDirsRequest request;
    if (!only) request.topics = std::nullopt;
    for (const TopicPartition& tp : only.value_or(std::vector<TopicPartition>{})) {
        auto at = std::ranges::find_if(*request.topics, [&](const auto& topic) {
            return std::string_view{topic.topic} == tp.topic;
        });
        if (at == request.topics->end()) at = request.topics->insert(at, {.topic = Str(tp.topic)});
        at->partitions.push_back(tp.partition);
    }
    std::vector<BrokerDirectories> out;
    for (const NodeId broker : brokers) {
        CO_TRY(const auto reply, co_await cluster_.call(broker, request, until));
        if (reply->error_code != 0) co_return said_error(reply->error_code);
        BrokerDirectories& one = out.emplace_back();
        one.broker = broker;
        for (const auto& result : reply->results) {
            DirectoryDescription& directory = one.directories.emplace_back();
            directory.path = result.log_dir.str();
            directory.error = said_error(result.error_code);
            directory.total_bytes = result.total_bytes;
            directory.usable_bytes = result.usable_bytes;
            for (const auto& topic : result.topics)
                for (const auto& p : topic.partitions)
                    directory.replicas.push_back({{topic.name.str(), p.partition_index},
                                                  p.partition_size,
                                                  p.offset_lag,
                                                  p.is_future_key});
        }
    }
    co_return out;
}

}  // namespace millrace::client
