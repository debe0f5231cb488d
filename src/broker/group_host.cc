#include "broker/group_host.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace millrace::broker {
namespace {

class ImageView : public group::ClusterView {
public:
    ImageView(metadata::ImagePtr image, std::shared_ptr<const config::BrokerConfig> config)
        : image_(std::move(image)), config_(std::move(config)) {}

    std::optional<group::TopicInfo> topic(std::string_view name) const override {
        return info(image_->topic(name));
    }
    std::optional<group::TopicInfo> topic(const Uuid& id) const override {
        return info(image_->topic(id));
    }
    std::vector<std::vector<std::string>> racks(const Uuid& id) const override {
        const metadata::TopicPtr topic = image_->topic(id);
        if (!topic) return {};
        bool any_rack = false;
        std::vector<std::vector<std::string>> racks(topic->partitions.size());
        for (size_t i = 0; i < racks.size(); ++i)
            for (const NodeId replica : topic->partitions[i].replicas)
                if (const auto* broker = image_->broker(replica); broker && broker->rack) {
                    racks[i].push_back(*broker->rack);
                    any_rack = true;
                }
        if (!any_rack) racks.clear();
        return racks;
    }
    void each_topic(const std::function<void(std::string_view name)>& fn) const override {
        image_->topics_by_name.for_each([&](const metadata::TopicPtr& topic) { fn(topic->name); });
    }
    group::GroupOverrides overrides(std::string_view group_id) const override {
        const auto& set = image_->overrides(metadata::ResourceType::group, group_id);
        return {.consumer_session_timeout_ms = number(set, "consumer.session.timeout.ms"),
                .consumer_heartbeat_interval_ms = number(set, "consumer.heartbeat.interval.ms"),
                .consumer_assignment_interval_ms =
                    number(set, "consumer.assignment.interval.ms")
                        .value_or(config_->values().consumer_group_assignment_interval_ms)};
    }
    Offset version() const override { return image_->position.offset; }

private:
    static std::optional<int32_t> number(const config::Overrides& set, std::string_view name) {
        const auto found = set.find(name);
        if (found == set.end()) return std::nullopt;
        int32_t value = 0;
        const std::string& text = found->second;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        if (parsed.ec != std::errc{}) return std::nullopt;
        return value;
    }
    static std::optional<group::TopicInfo> info(const metadata::TopicPtr& topic) {
        if (!topic) return std::nullopt;
        return group::TopicInfo{.name = topic->name,
                                .id = topic->id,
                                .partitions = static_cast<int32_t>(topic->partitions.size())};
    }

    metadata::ImagePtr image_;
    std::shared_ptr<const config::BrokerConfig> config_;
};

}  // namespace

std::shared_ptr<const group::ClusterView> cluster_view(
    metadata::ImagePtr image, std::shared_ptr<const config::BrokerConfig> config) {
    return std::make_shared<ImageView>(std::move(image), std::move(config));
}

namespace {

// The name in any case.
group::MigrationPolicy migration_policy(std::string name) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name == "disabled") return group::MigrationPolicy::disabled;
    if (name == "downgrade") return group::MigrationPolicy::downgrade;
    if (name == "upgrade") return group::MigrationPolicy::upgrade;
    return group::MigrationPolicy::bidirectional;
}

}  // namespace

group::GroupConfig group_config(const config::BrokerConfig& config) {
    group::GroupConfig out;
    out.group_min_session_timeout_ms = config.values().group_session_timeout_ms_min;
    out.group_max_session_timeout_ms = config.values().group_session_timeout_ms_max;
    out.group_initial_rebalance_delay_ms = config.values().group_initial_rebalance_delay_ms;
    out.group_max_size = config.values().group_size_max;
    out.group_consumer_session_timeout_ms = config.values().consumer_group_session_timeout_ms;
    out.group_consumer_heartbeat_interval_ms = config.values().consumer_group_heartbeat_interval_ms;
    out.group_consumer_assignment_interval_ms =
        config.values().consumer_group_assignment_interval_ms;
    out.group_consumer_assignors = config.list("group.consumer.assignors");
    out.group_consumer_migration_policy =
        migration_policy(config.string("group.consumer.migration.policy"));
    const auto protocols = config.list("group.coordinator.rebalance.protocols");
    out.consumer_protocol_enabled =
        std::find(protocols.begin(), protocols.end(), "consumer") != protocols.end();
    out.group_consumer_max_size = config.values().consumer_group_size_max;
    out.offsets_topic_num_partitions = config.values().offsets_topic_partitions;
    out.offset_metadata_max_bytes = config.values().offset_metadata_bytes_max;
    out.offsets_retention_minutes = config.values().offsets_retention_minutes;
    out.offsets_retention_check_interval_ms = config.values().offsets_retention_check_interval_ms;
    return out;
}

void follow_image(group::GroupCoordinator& groups, const metadata::ImagePtr& image,
                  const metadata::Delta& delta,
                  std::shared_ptr<const config::BrokerConfig> config) {
    const auto matters = [](const metadata::ConfigResource& resource) {
        return resource.type == metadata::ResourceType::group ||
               resource.type == metadata::ResourceType::broker;
    };
    if (!delta.topics.empty() || delta.brokers || std::ranges::any_of(delta.configs, matters))
        groups.on_metadata_changed(cluster_view(image, std::move(config)));
}

}  // namespace millrace::broker
