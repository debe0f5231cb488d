#include "client/admin/reassignments.h"

#include "client/admin.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/alter_replica_log_dirs.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace millrace::client {
namespace {

using protocol::Str;

// The topic of that name at the end of `topics`: partitions come in order of the topic.
template <typename Topics>
auto& last_topic(Topics& topics, const std::string& name) {
    if (topics.empty() || std::string_view{topics.back().name} != name)
        topics.emplace_back().name = Str::borrow(name);
    return topics.back();
}

}  // namespace

std::vector<NodeId> Reassignment::target() const {
    std::vector<NodeId> out = replicas;
    std::erase_if(out,
                  [&](NodeId node) { return std::ranges::find(removing, node) != removing.end(); });
    return out;
}

runtime::Task<Result<std::map<TopicPartition, Error>>> Admin::alter_reassignments(
    std::map<TopicPartition, NewReplicas> wanted, bool replication_may_change) {
    protocol::AlterPartitionReassignmentsRequest request;
    request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
    request.allow_replication_factor_change = replication_may_change;
    for (const auto& [tp, replicas] : wanted)
        last_topic(request.topics, tp.topic).partitions.push_back({tp.partition, replicas});
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::map<TopicPartition, Error> out;
    for (const auto& [tp, replicas] : wanted)
        out[tp] = fail(ErrorCode::unknown_server_error, "the broker left it out");
    for (const auto& topic : reply->responses)
        for (const auto& p : topic.partitions)
            out[{topic.name.str(), p.partition_index}] = said_error(p.error_code, p.error_message);
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Reassignment>>> Admin::list_reassignments(
    std::optional<std::vector<TopicPartition>> only) {
    protocol::ListPartitionReassignmentsRequest request;
    request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
    if (only) {
        std::ranges::sort(*only);
        request.topics.emplace();
        for (const TopicPartition& tp : *only)
            last_topic(*request.topics, tp.topic).partition_indexes.push_back(tp.partition);
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::map<TopicPartition, Reassignment> out;
    for (const auto& topic : reply->topics)
        for (const auto& p : topic.partitions)
            out[{topic.name.str(), p.partition_index}] = {p.replicas, p.adding_replicas,
                                                          p.removing_replicas};
    co_return out;
}

runtime::Task<Result<std::map<Replica, Error>>> Admin::alter_log_dirs(
    std::map<Replica, std::string> directories) {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    std::map<NodeId, std::map<std::string, std::vector<TopicPartition>>> by_broker;
    for (const auto& [replica, path] : directories)
        by_broker[replica.broker][path].push_back(replica.partition);
    std::map<Replica, Error> out;
    for (const auto& [broker, paths] : by_broker) {
        protocol::AlterReplicaLogDirsRequest request;
        for (const auto& [path, partitions] : paths) {
            auto& directory = request.dirs.emplace_back();
            directory.path = Str::borrow(path);
            for (const TopicPartition& tp : partitions)
                last_topic(directory.topics, tp.topic).partitions.push_back(tp.partition);
        }
        const auto reply = co_await cluster_.call(broker, request, until);
        for (const auto& [path, partitions] : paths)
            for (const TopicPartition& tp : partitions)
                out[{tp, broker}] =
                    reply ? fail(ErrorCode::unknown_server_error, "the broker left it out")
                          : reply.error();
        if (!reply) continue;
        for (const auto& topic : (*reply)->results)
            for (const auto& p : topic.partitions)
                out[{{topic.topic_name.str(), p.partition_index}, broker}] =
                    said_error(p.error_code);
    }
    co_return out;
}

}  // namespace millrace::client
