#include "metadata/image.h"

#include <algorithm>

namespace millrace::metadata {

Uuid Partition::directory_of(NodeId broker) const {
    for (size_t i = 0; i < replicas.size() && i < directories.size(); ++i)
        if (replicas[i] == broker) return directories[i];
    return kDirectoryMigrating;
}

const Partition* Topic::partition(PartitionIndex index) const {
    if (index < 0 || static_cast<size_t>(index) >= partitions.size()) return nullptr;
    const Partition& found = partitions[static_cast<size_t>(index)];
    return found.exists() ? &found : nullptr;
}

bool is_internal_topic(std::string_view name) {
    return name == "__consumer_offsets" || name == "__transaction_state" ||
           name == "__share_group_state";
}

const Endpoint* BrokerRegistration::endpoint(std::string_view listener) const {
    for (const Endpoint& e : endpoints)
        if (e.listener == listener) return &e;
    return nullptr;
}

TopicPtr Image::topic(std::string_view name) const {
    const TopicPtr* found = topics_by_name.find_pointer(name);
    return found ? *found : nullptr;
}

TopicPtr Image::topic(const Uuid& id) const {
    const TopicPtr* found = topics_by_id.find_pointer(id);
    return found ? *found : nullptr;
}

const Partition* Image::partition(std::string_view topic_name, PartitionIndex index) const {
    const Topic* found = topics_by_name.find(topic_name);
    return found ? found->partition(index) : nullptr;
}

const Partition* Image::partition(const Uuid& topic_id, PartitionIndex index) const {
    const Topic* found = topics_by_id.find(topic_id);
    return found ? found->partition(index) : nullptr;
}

std::optional<std::string> unified_topic_name(std::string_view name) {
    if (name.find_first_of("._") == std::string_view::npos) return std::nullopt;
    std::string unified(name);
    std::ranges::replace(unified, '.', '_');
    return unified;
}

std::optional<std::string> Image::colliding_topic(std::string_view name) const {
    const auto unified = unified_topic_name(name);
    if (!unified) return std::nullopt;
    const NameGroup* group = name_groups.find(*unified);
    if (group == nullptr) return std::nullopt;
    for (const std::string& other : group->names)
        if (other != name) return other;
    return std::nullopt;
}

const BrokerRegistration* Image::broker(NodeId id) const {
    auto found = brokers->find(id);
    return found == brokers->end() ? nullptr : &found->second;
}

const config::Overrides& Image::overrides(ResourceType type, std::string_view name) const {
    static const config::Overrides kNone;
    const ResourceConfig* found = configs.find(ConfigResource{type, std::string(name)});
    return found ? found->values : kNone;
}

int16_t Image::feature_level(std::string_view feature) const {
    auto found = features->find(feature);
    return found == features->end() ? int16_t{0} : found->second;
}

}  // namespace millrace::metadata
