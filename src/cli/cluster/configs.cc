#include "cli/cluster/configs.h"

#include <set>

namespace millrace::cli {

Result<std::vector<client::ConfigChange>> parse_settings(std::string_view text) {
    std::vector<client::ConfigChange> out;
    while (!text.empty()) {
        // A comma inside brackets belongs to the value.
        size_t end = 0;
        for (bool inside = false; end != text.size() && (inside || text[end] != ','); ++end)
            inside = text[end] == '[' || (inside && text[end] != ']');
        std::string_view one = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t equals = one.find('=');
        if (equals == one.npos)
            return fail(ErrorCode::invalid_request,
                        "requirement failed: Invalid entity config: all configs to be added must "
                        "be in the format \"key=val\" or  \"key=[val1,val2]\" to group values "
                        "which contain commas.");
        std::string_view value = one.substr(equals + 1);
        if (value.starts_with('[') && value.ends_with(']'))
            value = value.substr(1, value.size() - 2);
        std::string_view name = one.substr(0, equals);
        while (name.starts_with(' ')) name.remove_prefix(1);
        while (name.ends_with(' ')) name.remove_suffix(1);
        out.push_back({.name = std::string{name}, .value = std::string{value}});
    }
    return out;
}

std::string_view config_source_name(int8_t source) {
    constexpr std::string_view kNames[] = {
        "UNKNOWN",
        "DYNAMIC_TOPIC_CONFIG",
        "DYNAMIC_BROKER_CONFIG",
        "DYNAMIC_DEFAULT_BROKER_CONFIG",
        "STATIC_BROKER_CONFIG",
        "DEFAULT_CONFIG",
        "DYNAMIC_BROKER_LOGGER_CONFIG",
        "DYNAMIC_CLIENT_METRICS_CONFIG",
        "DYNAMIC_GROUP_CONFIG",
    };
    const auto at = static_cast<size_t>(source);
    return source < 0 || at >= std::size(kNames) ? kNames[0] : kNames[at];
}

int8_t own_source(client::ResourceType type, bool is_default) {
    switch (type) {
        case client::ResourceType::topic:
            return 1;
        case client::ResourceType::broker:
            return is_default ? 3 : 2;
        case client::ResourceType::broker_logger:
            return 6;
        case client::ResourceType::client_metrics:
            return 7;
        case client::ResourceType::group:
            return 8;
    }
    return 0;
}

Result<std::vector<std::string>> resource_names(Session& session, client::ResourceType type) {
    std::vector<std::string> out;
    switch (type) {
        case client::ResourceType::topic: {
            TRY(const auto topics, session.wait(session.admin().list_topics()));
            for (const auto& topic : topics) out.push_back(topic.name);
            return out;
        }
        case client::ResourceType::broker:
        case client::ResourceType::broker_logger: {
            TRY(const auto cluster, session.wait(session.admin().describe_cluster()));
            for (const auto& broker : cluster.brokers) out.push_back(fmt::to_string(broker.id));
            return out;
        }
        case client::ResourceType::client_metrics:
            return session.wait(session.admin().list_config_resources(type));
        case client::ResourceType::group: {
            TRY(const auto groups, session.wait(session.admin().list_groups()));
            std::set<std::string> names;
            for (const auto& group : groups) names.insert(group.id);
            const auto configured = session.wait(session.admin().list_config_resources(type));
            if (configured) names.insert(configured->begin(), configured->end());
            return std::vector<std::string>{names.begin(), names.end()};
        }
    }
    return out;
}

}  // namespace millrace::cli
