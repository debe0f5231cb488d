#include "client/list_offsets.h"

#include <fmt/format.h>

#include "protocol/messages/list_offsets.h"
#include "runtime/scope.h"

namespace millrace::client {
namespace {

// What one leader is asked; its answers go where those of the others go.
struct Part {
    NodeId leader = -1;
    protocol::ListOffsetsRequest request;
};

std::vector<Part> by_leader(Cluster& cluster, const OffsetQueries& queries,
                            IsolationLevel isolation) {
    std::map<NodeId, Part> parts;
    for (const auto& [place, timestamp] : queries) {
        const TopicPtr topic = cluster.find_topic(place.topic);
        const NodeId leader = topic ? topic->leader(place.partition) : -1;
        if (leader < 0) {
            cluster.request_update();
            continue;
        }
        Part& part = parts[leader];
        part.leader = leader;
        auto& topics = part.request.topics;
        if (topics.empty() || topics.back().name != place.topic)
            topics.emplace_back().name = place.topic;
        auto& wanted = topics.back().partitions.emplace_back();
        wanted.partition_index = place.partition;
        wanted.timestamp = timestamp;
        wanted.current_leader_epoch =
            topic->partitions[static_cast<size_t>(place.partition)].leader_epoch;
    }
    std::vector<Part> out;
    for (auto& [leader, part] : parts) {
        part.request.replica_id = -1;
        part.request.isolation_level = static_cast<int8_t>(isolation);
        part.request.timeout_ms = static_cast<int32_t>(cluster.config().request_timeout.count());
        out.push_back(std::move(part));
    }
    return out;
}

runtime::Task<void> ask(Cluster& cluster, const Part& part, OffsetAnswers& answers,
                        std::optional<Error>& final, runtime::TimePoint deadline) {
    const auto reply = co_await cluster.call(part.leader, part.request, deadline);
    if (!reply) {
        if (!Cluster::network_error(reply.code())) final = reply.error();
        co_return;
    }
    for (const auto& topic : (*reply)->topics) {
        for (const auto& said : topic.partitions) {
            const auto code = static_cast<ErrorCode>(said.error_code);
            if (code == ErrorCode::none) {
                answers[{topic.name.str(), said.partition_index}] = {said.offset, said.timestamp,
                                                                     said.leader_epoch};
            } else if (error_retriable(code)) {
                cluster.request_update();
            } else {
                final = fail(code, fmt::format("{}-{}", topic.name.view(), said.partition_index));
            }
        }
    }
}

}  // namespace

runtime::Task<Result<OffsetAnswers>> list_offsets_once(Cluster& cluster, OffsetQueries queries,
                                                       IsolationLevel isolation,
                                                       runtime::TimePoint deadline) {
    OffsetAnswers answers;
    std::optional<Error> final;
    const std::vector<Part> parts = by_leader(cluster, queries, isolation);
    runtime::DroppingScope asking{cluster.loop()};
    for (const Part& part : parts) asking.spawn(ask(cluster, part, answers, final, deadline));
    co_await asking.join();
    if (final) co_return *final;
    co_return answers;
}

runtime::Task<Result<OffsetAnswers>> list_offsets(Cluster& cluster, OffsetQueries queries,
                                                  IsolationLevel isolation,
                                                  runtime::TimePoint deadline) {
    OffsetAnswers out;
    for (int failures = 0; !queries.empty(); ++failures) {
        for (const auto& [place, timestamp] : queries)
            CO_TRY_OK(co_await cluster.topic(place.topic, deadline));
        CO_TRY(const OffsetAnswers more,
               co_await list_offsets_once(cluster, queries, isolation, deadline));
        for (const auto& [place, at] : more) {
            out[place] = at;
            queries.erase(place);
        }
        if (queries.empty()) break;
        const auto& place = queries.begin()->first;
        CO_TRY_OK(co_await cluster.pause(
            failures, deadline,
            fail(ErrorCode::leader_not_available, fmt::format("the leader of {}-{} gives no offset",
                                                              place.topic, place.partition))));
    }
    co_return out;
}

}  // namespace millrace::client
