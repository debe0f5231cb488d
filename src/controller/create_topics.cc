#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "config/describe.h"
#include "controller/configs.h"
#include "controller/placement.h"
#include "controller/topic_names.h"
#include "controller/topics.h"
#include "protocol/records/topic_record.h"

namespace millrace::controller {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using CreatableTopic = CreateTopicsRequest::CreatableTopic;
using TopicResult = CreateTopicsResponse::CreatableTopicResult;

int32_t partitions_of(const Context& context, const CreatableTopic& topic) {
    if (!topic.assignments.empty()) return static_cast<int32_t>(topic.assignments.size());
    return topic.num_partitions == -1 ? context.config.int32("num.partitions")
                                      : topic.num_partitions;
}

Result<void> check_name(const Context& context, std::string_view name) {
    if (name == kMetadataTopic) {
        return fail(ErrorCode::invalid_request, "This topic is the cluster's own.");
    }
    TRY_OK(check_topic_name(name));
    if (context.state.topics_by_name.find(name) != nullptr) {
        return fail(ErrorCode::topic_already_exists,
                    fmt::format("there is a topic {} already", name));
    }
    if (auto other = context.state.colliding_topic(name)) {
        return fail(ErrorCode::invalid_topic_exception,
                    fmt::format("{} differs from topic {} only in '.' and '_', and metrics could "
                                "not tell them apart",
                                name, *other));
    }
    return {};
}

Result<config::Overrides> requested_configs(const CreatableTopic& topic) {
    config::Overrides overrides;
    for (const auto& c : topic.configs) {
        if (!c.value) {
            return fail(
                ErrorCode::invalid_config,
                fmt::format("these topic configurations must have a value: {}", c.name.view()));
        }
        overrides[c.name.str()] = c.value->str();
    }
    return overrides;
}

using DescribedConfigs = std::vector<CreateTopicsResponse::CreatableTopicConfigs>;

// What a set of overrides means, worked out once a request: many topics are made with the same.
class ConfigMeanings {
public:
    explicit ConfigMeanings(const Context& context) : context_(context) {}

    Result<void> validate(const config::Overrides& overrides) {
        Meaning& m = meanings_[overrides];
        if (!m.valid) m.valid = config::validate_topic(overrides, {}, context_.config);
        return *m.valid;
    }
    const DescribedConfigs& describe(const config::Overrides& overrides) {
        Meaning& m = meanings_[overrides];
        if (m.described) return *m.described;
        m.described.emplace();
        for (const auto& d : config::describe_topic(overrides, context_.config, std::nullopt)) {
            auto& entry = m.described->emplace_back();
            const config::Def* def = config::find(config::Scope::topic, d.name);
            entry.name = def ? protocol::Str::borrow(def->name) : protocol::Str(d.name);
            entry.value.reset();
            if (d.value) entry.value = protocol::Str(*d.value);
            entry.read_only = d.read_only;
            entry.config_source = static_cast<int8_t>(d.source);
            entry.is_sensitive = d.sensitive;
        }
        return *m.described;
    }

private:
    struct Meaning {
        std::optional<Result<void>> valid;
        std::optional<DescribedConfigs> described;
    };
    const Context& context_;
    std::map<config::Overrides, Meaning> meanings_;
};

using Assignment = std::vector<std::vector<NodeId>>;  // replicas by partition

// The request's own assignment, checked.
Result<Assignment> manual_assignment(const Context& context, const CreatableTopic& topic) {
    if (topic.replication_factor != -1) {
        return fail(ErrorCode::invalid_request,
                    "replicas are assigned by hand: then the replication factor must be -1");
    }
    if (topic.num_partitions != -1) {
        return fail(ErrorCode::invalid_request,
                    "replicas are assigned by hand: then the number of partitions must be -1");
    }
    Assignment all(topic.assignments.size());
    std::set<int32_t> seen;
    int replication_factor = -1;
    for (const auto& a : topic.assignments) {
        if (!seen.insert(a.partition_index).second) {
            return fail(ErrorCode::invalid_replica_assignment,
                        fmt::format("partition {} is assigned twice", a.partition_index));
        }
        if (a.partition_index < 0 || static_cast<size_t>(a.partition_index) >= all.size()) {
            return fail(ErrorCode::invalid_replica_assignment,
                        "partitions should be a consecutive 0-based integer sequence");
        }
        TRY_OK(check_assignment(context.state, a.broker_ids, replication_factor));
        replication_factor = static_cast<int>(a.broker_ids.size());
        all[static_cast<size_t>(a.partition_index)] = a.broker_ids;
    }
    return all;
}

Result<Assignment> automatic_assignment(const Context& context, const CreatableTopic& topic) {
    if (topic.replication_factor < -1 || topic.replication_factor == 0) {
        return fail(ErrorCode::invalid_replication_factor,
                    "a replication factor is above 0, or -1 for the default");
    }
    if (topic.num_partitions < -1 || topic.num_partitions == 0) {
        return fail(ErrorCode::invalid_partitions,
                    "a number of partitions is above 0, or -1 for the default");
    }
    const int replication_factor = topic.replication_factor == -1
                                       ? context.config.int32("default.replication.factor")
                                       : topic.replication_factor;
    Placer placer(context.state, context.rng);
    TRY_OK(placer.check(replication_factor));
    Assignment all(static_cast<size_t>(partitions_of(context, topic)));
    for (auto& replicas : all) replicas = placer.next(replication_factor);
    return all;
}

// Adds the topic's records; on an error none.
Result<void> create_topic(const Context& context, const CreatableTopic& topic,
                          ConfigMeanings& meanings, Records& records, TopicResult& result) {
    TRY_OK(check_name(context, topic.name));
    TRY(const config::Overrides overrides, requested_configs(topic));
    TRY_OK(meanings.validate(overrides));
    TRY(const Assignment assignment, topic.assignments.empty()
                                         ? automatic_assignment(context, topic)
                                         : manual_assignment(context, topic));
    const size_t before = records.size();
    const Uuid id = Uuid::random(context.rng);
    records.push_back(
        protocol::TopicRecord{.name = protocol::Str(topic.name.view()), .topic_id = id});
    add_config_records(context, {metadata::ResourceType::topic, topic.name.str()}, {}, overrides,
                       records);
    for (size_t i = 0; i < assignment.size(); ++i) {
        auto partition =
            new_partition(context.state, id, static_cast<PartitionIndex>(i), assignment[i]);
        if (!partition) {
            records.resize(before);
            return std::move(partition).error();
        }
        records.push_back(*std::move(partition));
    }
    result.topic_id = id;
    result.num_partitions = static_cast<int32_t>(assignment.size());
    result.replication_factor = static_cast<int16_t>(assignment.front().size());
    if (context.version >= 5) result.configs = meanings.describe(overrides);
    return {};
}

}  // namespace

Outcome<CreateTopicsResponse> create_topics(const Context& context,
                                            const CreateTopicsRequest& request) {
    Outcome<CreateTopicsResponse> out;
    std::map<std::string_view, int> times;
    for (const auto& topic : request.topics) ++times[topic.name];

    int64_t partitions = 0;
    for (const auto& topic : request.topics)
        partitions += std::max(partitions_of(context, topic), 0);
    const bool too_many = partitions > static_cast<int64_t>(kPartitionsPerRequestMax);

    ConfigMeanings meanings(context);
    std::set<std::string_view> done;
    for (const auto& topic : request.topics) {
        if (!done.insert(topic.name).second) continue;
        TopicResult& result = out.response.topics.emplace_back();
        result.name = topic.name.to_owned();
        result.error_message.reset();
        Result<void> created;
        if (too_many) {
            created =
                fail(ErrorCode::policy_violation, "more partitions than one request may create");
        } else if (times[topic.name] > 1) {
            created = fail(ErrorCode::invalid_request, "Duplicate topic name.");
        } else {
            created = create_topic(context, topic, meanings, out.records, result);
        }
        result.error_message.reset();
        if (!created) set_error(result, created.error());
    }
    if (request.validate_only) out.records.clear();
    return out;
}

}  // namespace millrace::controller
