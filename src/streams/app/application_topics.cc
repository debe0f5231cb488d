#include "streams/app/application_topics.h"

#include "client/topic_pattern.h"
#include "streams/app/failures.h"

namespace millrace::streams {
namespace {

using PartitionCounts = std::map<std::string, int32_t>;

runtime::Task<Result<PartitionCounts>> count_partitions(client::Admin& admin) {
    CO_TRY(const auto listings, co_await admin.list_topics());
    std::vector<std::string> names;
    for (const client::TopicListing& listing : listings) names.push_back(listing.name);
    CO_TRY(const auto described, co_await admin.describe_topics(names));
    PartitionCounts counts;
    for (const client::TopicDescription& topic : described)
        if (topic.error.code == ErrorCode::none)
            counts[topic.name] = static_cast<int32_t>(topic.partitions.size());
    co_return counts;
}

// The topics of the cluster that a source with a pattern reads.
std::vector<std::string> matching(const PartitionCounts& counts, const std::string& pattern) {
    std::vector<std::string> topics;
    const auto parsed = client::TopicPattern::parse(pattern);
    for (const auto& [name, partitions] : counts)
        if (parsed && parsed->matches(name)) topics.push_back(name);
    return topics;
}

void check_partitions(const Layout& layout, const PartitionCounts& counts) {
    for (const InternalTopic& topic : layout.internal_topics) {
        const auto there = counts.find(topic.name);
        if (there != counts.end() && there->second != topic.partitions)
            throw StreamsException(fmt::format(
                "the topic {} has {} partitions where {} are needed: reset the application "
                "(kafka-streams-application-reset) or give it another application.id",
                topic.name, there->second, topic.partitions));
    }
}

runtime::Task<Result<void>> create(client::Admin& admin, std::vector<client::NewTopic> topics) {
    if (topics.empty()) co_return Result<void>{};
    CO_TRY(const auto outcomes, co_await admin.create_topics(std::move(topics)));
    for (const client::Outcome& outcome : outcomes) {
        // Another member may have been first.
        if (outcome.error.code == ErrorCode::none ||
            outcome.error.code == ErrorCode::topic_already_exists)
            continue;
        co_return fail(outcome.error.code, fmt::format("cannot create the topic {}: {}",
                                                       outcome.name, outcome.error.describe()));
    }
    co_return Result<void>{};
}

}  // namespace

runtime::Task<Result<Layout>> prepare_topics(client::Cluster& cluster, const TopologyPlan& plan,
                                             const StreamsConfig& config) {
    client::Admin admin(cluster);
    CO_TRY(const PartitionCounts counts, co_await count_partitions(admin));
    const auto count = [&](const std::string& name) -> std::optional<int32_t> {
        const auto found = counts.find(name);
        return found == counts.end() ? std::nullopt : std::optional(found->second);
    };
    Layout layout;
    CO_TRY_OK(guarded([&] {
        layout = lay_out(plan, config, count,
                         [&](const std::string& pattern) { return matching(counts, pattern); });
        check_partitions(layout, counts);
    }));
    std::vector<client::NewTopic> missing;
    for (const InternalTopic& topic : layout.internal_topics) {
        if (counts.contains(topic.name)) continue;
        missing.push_back({.name = topic.name,
                           .partitions = topic.partitions,
                           .replication = static_cast<int16_t>(config.replication_factor),
                           .configs = {topic.config.begin(), topic.config.end()}});
    }
    CO_TRY_OK(co_await create(admin, std::move(missing)));
    layout.partitions = counts;
    for (const InternalTopic& topic : layout.internal_topics)
        layout.partitions[topic.name] = topic.partitions;
    co_return layout;
}

}  // namespace millrace::streams
