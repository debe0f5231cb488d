#include "broker/api/cluster_view.h"

#include <algorithm>

#include "controller/placement.h"

namespace millrace::broker::api {
namespace {

constexpr size_t kTopicNameMax = 249;

bool up(const metadata::Image& image, NodeId broker) {
    const auto* registration = image.broker(broker);
    return registration && !registration->fenced;
}

}  // namespace

bool valid_topic_name(std::string_view name) {
    if (name.empty() || name.size() > kTopicNameMax || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

std::vector<int32_t> offline_replicas(const metadata::Image& image,
                                      const metadata::Partition& partition) {
    std::vector<int32_t> offline;
    for (const NodeId replica : partition.replicas)
        if (!up(image, replica) ||
            !controller::has_directory(*image.broker(replica), partition.directory_of(replica)))
            offline.push_back(replica);
    return offline;
}

NodeId available_leader(const metadata::Image& image, const metadata::Partition& partition) {
    return up(image, partition.leader) ? partition.leader : -1;
}

std::vector<int32_t> to_vector(const metadata::NodeList& nodes) {
    return {nodes.begin(), nodes.end()};
}

NodeId controller_for_clients(const metadata::Image& image) {
    for (const auto& [id, registration] : *image.brokers)
        if (!registration.fenced) return id;
    return -1;
}

}  // namespace millrace::broker::api
