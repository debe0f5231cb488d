#include "controller/topics.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/placement.h"
#include "protocol/records/remove_topic_record.h"

namespace millrace::controller {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

using DeleteState = DeleteTopicsRequest::DeleteTopicState;

// All versions in the form of the last: by name, or by id.
std::vector<DeleteState> wanted_deletions(const DeleteTopicsRequest& request, int16_t version) {
    if (version >= 6) return request.topics;
    std::vector<DeleteState> all;
    for (const auto& name : request.topic_names) all.emplace_back().name = name;
    return all;
}

// The topic that is meant; counts how often each name and id is asked for.
Result<metadata::TopicPtr> find_deletion(const Context& context, const DeleteState& wanted) {
    if (!wanted.name && wanted.topic_id.is_zero())
        return fail(ErrorCode::invalid_request, "a topic needs its name or its id");
    if (wanted.name && !wanted.topic_id.is_zero())
        return fail(ErrorCode::invalid_request,
                    "a topic is named by its name or by its id, not by both");
    if (wanted.name) {
        auto topic = context.state.topic(wanted.name->view());
        if (!topic) return fail(ErrorCode::unknown_topic_or_partition);
        return topic;
    }
    auto topic = context.state.topic(wanted.topic_id);
    if (!topic) return fail(ErrorCode::unknown_topic_id);
    return topic;
}

Result<void> add_partitions(const Context& context,
                            const CreatePartitionsRequest::CreatePartitionsTopic& wanted,
                            Records& records) {
    const auto topic = context.state.topic(wanted.name.view());
    if (!topic) return fail(ErrorCode::unknown_topic_or_partition);
    const auto current = static_cast<int32_t>(topic->partitions.size());
    if (wanted.count == current) {
        return fail(ErrorCode::invalid_partitions,
                    fmt::format("the topic has {} partition(s) already", current));
    }
    if (wanted.count < current) {
        return fail(ErrorCode::invalid_partitions,
                    fmt::format("topic {} has {} partition(s): {} would not be more",
                                wanted.name.view(), current, wanted.count));
    }
    const auto additional = static_cast<size_t>(wanted.count - current);
    if (wanted.assignments && wanted.assignments->size() != additional) {
        return fail(ErrorCode::invalid_replica_assignment,
                    fmt::format("{} partition(s) more, but {} assignment(s)", additional,
                                wanted.assignments->size()));
    }
    const int replication_factor =
        topic->partitions.empty() ? 1 : static_cast<int>(topic->partitions[0].replicas.size());
    Placer placer(context.state, context.rng);
    if (!wanted.assignments) TRY_OK(placer.check(replication_factor));
    Records added;
    for (size_t i = 0; i < additional; ++i) {
        std::vector<NodeId> replicas;
        if (wanted.assignments) {
            replicas = (*wanted.assignments)[i].broker_ids;
            TRY_OK(check_assignment(context.state, replicas, replication_factor));
        } else {
            replicas = placer.next(replication_factor);
        }
        TRY(auto record, new_partition(context.state, topic->id,
                                       current + static_cast<PartitionIndex>(i), replicas));
        added.push_back(std::move(record));
    }
    records.insert(records.end(), std::make_move_iterator(added.begin()),
                   std::make_move_iterator(added.end()));
    return {};
}

}  // namespace

Outcome<DeleteTopicsResponse> delete_topics(const Context& context,
                                            const DeleteTopicsRequest& request) {
    Outcome<DeleteTopicsResponse> out;
    const bool enabled = context.config.boolean("delete.topic.enable");
    const std::vector<DeleteState> wanted = wanted_deletions(request, context.version);
    std::map<Uuid, int> times;  // a topic asked for twice, by whatever handle, is not deleted
    std::set<std::string_view> unknown;
    for (const auto& w : wanted) {
        auto topic = find_deletion(context, w);
        if (topic) ++times[(*topic)->id];
    }
    std::set<Uuid> refused;
    for (const auto& w : wanted) {
        auto topic = find_deletion(context, w);
        if (topic && !refused.insert((*topic)->id).second) continue;
        if (!topic && w.name && !unknown.insert(*w.name).second) continue;
        auto& result = out.response.responses.emplace_back();
        result.name.reset();
        if (w.name) result.name = w.name->to_owned();
        result.topic_id = w.topic_id;
        if (!enabled) {
            set_error(result, fail(context.version < 3 ? ErrorCode::invalid_request
                                                       : ErrorCode::topic_deletion_disabled));
        } else if (!topic) {
            set_error(result, topic.error());
        } else if (times[(*topic)->id] > 1) {
            set_error(result, fail(ErrorCode::invalid_request,
                                   w.name ? "Duplicate topic name." : "Duplicate topic id."));
        } else {
            result.name = protocol::Str((*topic)->name);
            result.topic_id = (*topic)->id;
            out.records.push_back(protocol::RemoveTopicRecord{.topic_id = (*topic)->id});
        }
    }
    return out;
}

Outcome<CreatePartitionsResponse> create_partitions(const Context& context,
                                                    const CreatePartitionsRequest& request) {
    Outcome<CreatePartitionsResponse> out;
    std::map<std::string_view, int> times;
    int64_t added = 0;
    for (const auto& topic : request.topics) {
        ++times[topic.name];
        const auto known = context.state.topic(topic.name.view());
        if (known) added += std::max<int64_t>(0, topic.count - std::ssize(known->partitions));
    }
    std::set<std::string_view> done;
    for (const auto& topic : request.topics) {
        if (!done.insert(topic.name).second) continue;
        auto& result = out.response.results.emplace_back();
        result.name = topic.name.to_owned();
        Result<void> grown;
        if (times[topic.name] > 1) {
            grown = fail(ErrorCode::invalid_request, "Duplicate topic name.");
        } else if (added > static_cast<int64_t>(kPartitionsPerRequestMax)) {
            grown =
                fail(ErrorCode::policy_violation, "more partitions than one request may create");
        } else {
            grown = add_partitions(context, topic, out.records);
        }
        if (!grown) set_error(result, grown.error());
        // Kafka has no sentence for this one.
        if (grown.code() == ErrorCode::unknown_topic_or_partition) result.error_message.reset();
    }
    if (request.validate_only) out.records.clear();
    return out;
}

}  // namespace millrace::controller
