#include "client/admin.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_topic_partitions.h"
#include "protocol/messages/metadata.h"

namespace millrace::client {
namespace {

using protocol::Str;

int32_t in_ms(std::chrono::milliseconds time) {
    return static_cast<int32_t>(
        std::min<int64_t>(time.count(), std::numeric_limits<int32_t>::max()));
}

template <typename P>
PartitionDescription description_of(const P& p) {
    PartitionDescription out;
    out.index = p.partition_index;
    out.leader = p.leader_id;
    out.leader_epoch = p.leader_epoch;
    out.replicas = p.replica_nodes;
    out.in_sync = p.isr_nodes;
    out.offline = p.offline_replicas;
    if constexpr (requires { p.last_known_elr; }) {
        out.eligible_leaders = p.eligible_leader_replicas;
        out.last_known_eligible = p.last_known_elr;
    }
    return out;
}

template <typename T>
TopicDescription description_of_topic(const T& t) {
    TopicDescription out;
    out.name = t.name ? t.name->str() : std::string{};
    out.id = t.topic_id;
    out.internal = t.is_internal;
    out.error = said_error(t.error_code);
    for (const auto& partition : t.partitions) out.partitions.push_back(description_of(partition));
    return out;
}

// Which topics are there and in which order is `names`' to say.
std::vector<TopicDescription> in_order(std::vector<TopicDescription> found,
                                       const std::vector<std::string>& names) {
    std::map<std::string, TopicDescription> by_name;
    for (TopicDescription& topic : found) {
        std::ranges::sort(topic.partitions, {}, &PartitionDescription::index);
        std::string name = topic.name;
        by_name.emplace(std::move(name), std::move(topic));
    }
    std::vector<TopicDescription> out;
    for (const std::string& name : names) {
        const auto at = by_name.find(name);
        if (at == by_name.end())
            out.push_back({.name = name, .error = {ErrorCode::unknown_topic_or_partition, {}}});
        else
            out.push_back(at->second);
    }
    return out;
}

}  // namespace

runtime::Task<Result<std::vector<TopicListing>>> Admin::list_topics() {
    protocol::MetadataRequest request;
    request.topics = std::nullopt;  // all
    request.allow_auto_topic_creation = false;
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    std::vector<TopicListing> out;
    for (const auto& topic : reply->topics)
        if (topic.error_code == 0 && topic.name)
            out.push_back({topic.name->str(), topic.topic_id, topic.is_internal});
    std::ranges::sort(out, {}, &TopicListing::name);
    co_return out;
}

runtime::Task<Result<std::vector<TopicDescription>>> Admin::describe_topics(
    std::vector<std::string> names) {
    const auto until = deadline();
    if (names.empty()) co_return std::vector<TopicDescription>{};
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    std::vector<TopicDescription> found;
    protocol::DescribeTopicPartitionsRequest request;
    for (const std::string& name : sorted) request.topics.push_back({Str::borrow(name)});
    std::string next;
    while (true) {
        const auto reply = co_await cluster_.call_any(request, until);
        if (reply.code() == ErrorCode::unsupported_version)
            co_return co_await describe_by_metadata(std::move(names), until);
        if (!reply) co_return reply.error();
        for (const auto& topic : (*reply)->topics) {
            TopicDescription said = description_of_topic(topic);
            // A topic with many partitions comes in several pieces.
            if (!found.empty() && found.back().name == said.name)
                found.back().partitions.insert(found.back().partitions.end(),
                                               said.partitions.begin(), said.partitions.end());
            else
                found.push_back(std::move(said));
        }
        if (!(*reply)->next_cursor) break;
        next = (*reply)->next_cursor->topic_name.str();
        request.cursor = {.topic_name = Str::borrow(next),
                          .partition_index = (*reply)->next_cursor->partition_index};
        std::erase_if(request.topics,
                      [&](const auto& topic) { return std::string_view{topic.name} < next; });
    }
    co_return in_order(std::move(found), names);
}

runtime::Task<Result<std::vector<TopicDescription>>> Admin::describe_by_metadata(
    std::vector<std::string> names, runtime::TimePoint deadline) {
    protocol::MetadataRequest request;
    request.allow_auto_topic_creation = false;
    for (const std::string& name : names) request.topics->push_back({.name = Str::borrow(name)});
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline));
    std::vector<TopicDescription> found;
    for (const auto& topic : reply->topics) found.push_back(description_of_topic(topic));
    co_return in_order(std::move(found), names);
}

runtime::Task<Result<std::vector<Outcome>>> Admin::create_topics(std::vector<NewTopic> topics,
                                                                 bool validate_only) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = in_ms(cluster_.config().request_timeout);
    request.validate_only = validate_only;
    for (const NewTopic& topic : topics) {
        auto& asked = request.topics.emplace_back();
        asked.name = Str::borrow(topic.name);
        asked.num_partitions = topic.assignment.empty() ? topic.partitions : -1;
        asked.replication_factor = topic.assignment.empty() ? topic.replication : int16_t{-1};
        for (size_t i = 0; i != topic.assignment.size(); ++i)
            asked.assignments.push_back({static_cast<int32_t>(i), topic.assignment[i]});
        for (const auto& [key, value] : topic.configs)
            asked.configs.push_back({Str::borrow(key), Str::borrow(value)});
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<Outcome> out;
    for (const auto& topic : reply->topics)
        out.push_back({topic.name.str(), said_error(topic.error_code, topic.error_message)});
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::create_partitions(
    std::vector<NewPartitions> topics, bool validate_only) {
    protocol::CreatePartitionsRequest request;
    request.timeout_ms = in_ms(cluster_.config().request_timeout);
    request.validate_only = validate_only;
    for (const NewPartitions& topic : topics) {
        auto& asked = request.topics.emplace_back();
        asked.name = Str::borrow(topic.topic);
        asked.count = topic.count;
        asked.assignments = std::nullopt;
        if (topic.assignment.empty()) continue;
        asked.assignments.emplace();
        for (const auto& replicas : topic.assignment) asked.assignments->push_back({replicas});
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<Outcome> out;
    for (const auto& topic : reply->results)
        out.push_back({topic.name.str(), said_error(topic.error_code, topic.error_message)});
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::delete_topics(std::vector<std::string> names) {
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = in_ms(cluster_.config().request_timeout);
    // Up to version 5 by name only, in a field of its own.
    constexpr int16_t kOnlyNames = 5;
    for (const std::string& name : names) request.topic_names.push_back(Str::borrow(name));
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline(), kOnlyNames));
    std::vector<Outcome> out;
    for (const auto& topic : reply->responses)
        out.push_back({topic.name ? topic.name->str() : std::string{},
                       said_error(topic.error_code, topic.error_message)});
    co_return out;
}

}  // namespace millrace::client
