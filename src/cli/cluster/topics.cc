#include "cli/cluster/topics.h"

#include <charconv>

#include "cli/cluster/choose.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace millrace::cli {
namespace {

constexpr int8_t kDefaultConfig = 5;

Result<std::map<std::string, std::map<PartitionIndex, Reassignment>>> reassignments(
    Session& session) {
    protocol::ListPartitionReassignmentsRequest request;
    request.topics = std::nullopt;  // all
    const auto reply = session.ask_controller(request);
    std::map<std::string, std::map<PartitionIndex, Reassignment>> out;
    // A broker that does not serve it has none under way.
    if (reply.code() == ErrorCode::unsupported_version) return out;
    if (!reply) return reply.error();
    for (const auto& topic : (*reply)->topics)
        for (const auto& partition : topic.partitions)
            out[topic.name.str()][partition.partition_index] = {partition.adding_replicas,
                                                                partition.removing_replicas};
    return out;
}

}  // namespace

Result<std::vector<client::TopicListing>> find_topics(Session& session,
                                                      const std::optional<std::string>& filter,
                                                      bool without_internal) {
    TRY(auto topics, session.wait(session.admin().list_topics()));
    if (filter) {
        TRY(const NameFilter fitting, NameFilter::parse(*filter));
        std::erase_if(topics, [&](const auto& topic) { return !fitting.fits(topic.name); });
    }
    if (without_internal)
        std::erase_if(topics, [](const auto& topic) { return is_internal_topic(topic.name); });
    return topics;
}

bool TopicView::has_set_configs() const {
    return std::ranges::any_of(configs, is_set);
}

bool is_set(const client::ConfigEntry& entry) {
    return entry.source != kDefaultConfig;
}

size_t TopicView::replication() const {
    if (description.partitions.empty()) return 0;
    const auto& first = description.partitions.front();
    const auto at = moving.find(first.index);
    return first.replicas.size() - (at == moving.end() ? 0 : at->second.adding.size());
}

Result<std::vector<TopicView>> view_topics(Session& session, std::vector<std::string> names,
                                           bool with_configs) {
    if (names.empty()) return std::vector<TopicView>{};
    TRY(auto described, session.wait(session.admin().describe_topics(names)));
    std::vector<client::Resource> resources;
    for (const std::string& name : names) resources.push_back({client::ResourceType::topic, name});
    std::vector<client::ResourceConfigs> configs;
    if (with_configs) {
        TRY(configs, session.wait(session.admin().describe_configs(std::move(resources))));
    }
    TRY(const auto moving, reassignments(session));
    std::vector<TopicView> out;
    for (size_t i = 0; i != described.size(); ++i) {
        TopicView& view = out.emplace_back();
        view.description = std::move(described[i]);
        if (view.description.error.code != ErrorCode::none) return view.description.error;
        if (const auto at = moving.find(view.description.name); at != moving.end())
            view.moving = at->second;
        if (!with_configs) continue;
        if (configs[i].error.code != ErrorCode::none) return configs[i].error;
        for (client::ConfigEntry& entry : configs[i].entries) {
            if (entry.name == "min.insync.replicas" && entry.value) {
                const std::string& text = *entry.value;
                std::from_chars(text.data(), text.data() + text.size(), view.min_in_sync);
            }
            view.configs.push_back(std::move(entry));
        }
    }
    return out;
}

Result<std::vector<std::vector<NodeId>>> parse_assignment(std::string_view text) {
    std::vector<std::vector<NodeId>> out;
    while (true) {
        const size_t comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        std::vector<NodeId>& replicas = out.emplace_back();
        while (true) {
            const size_t colon = part.find(':');
            std::string_view word = part.substr(0, colon);
            while (word.starts_with(' ')) word.remove_prefix(1);
            while (word.ends_with(' ')) word.remove_suffix(1);
            NodeId id = 0;
            const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), id);
            if (word.empty() || error != std::errc{} || stop != word.data() + word.size())
                return fail(ErrorCode::invalid_request,
                            fmt::format("For input string: \"{}\"", word));
            if (std::ranges::find(replicas, id) != replicas.end())
                return fail(ErrorCode::invalid_request,
                            fmt::format("Partition replica lists may not contain duplicate "
                                        "entries: {}",
                                        id));
            replicas.push_back(id);
            if (colon == part.npos) break;
            part.remove_prefix(colon + 1);
        }
        if (replicas.size() != out.front().size())
            return fail(ErrorCode::invalid_request,
                        fmt::format("Partition {} has different replication factor: [{}]",
                                    out.size() - 1, fmt::join(replicas, ", ")));
        if (comma == text.npos) return out;
        text.remove_prefix(comma + 1);
    }
}

bool has_collision_characters(std::string_view topic) {
    return topic.find_first_of("._") != topic.npos;
}

std::optional<Error> first_error(const std::vector<client::Outcome>& outcomes) {
    for (const client::Outcome& outcome : outcomes)
        if (outcome.error.code != ErrorCode::none) return outcome.error;
    return std::nullopt;
}

}  // namespace millrace::cli
