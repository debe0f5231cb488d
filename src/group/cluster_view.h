// What a group machine may know of the cluster: topics, and the configuration of groups. The host
// makes one from its metadata image (broker) or a table (tests), and hands over a new one when the
// image changes; one object never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace millrace::group {

struct TopicInfo {
    std::string name;
    Uuid id;
    int32_t partitions = 0;
};

// Group configs (resource type GROUP) that are set for one group, and what of the broker's can be
// changed while it runs; what is not set follows GroupConfig.
struct GroupOverrides {
    std::optional<int32_t> consumer_session_timeout_ms;
    std::optional<int32_t> consumer_heartbeat_interval_ms;
    std::optional<int32_t> consumer_assignment_interval_ms;
};

class ClusterView {
public:
    virtual ~ClusterView() = default;

    virtual std::optional<TopicInfo> topic(std::string_view name) const = 0;
    virtual std::optional<TopicInfo> topic(const Uuid& id) const = 0;
    // For each partition of the topic the racks of its replicas; empty when no broker has a rack.
    virtual std::vector<std::vector<std::string>> racks(const Uuid& id) const = 0;
    // All topics, internal ones too, in any order.
    virtual void each_topic(const std::function<void(std::string_view name)>& fn) const = 0;
    virtual GroupOverrides overrides(std::string_view group_id) const = 0;
    // The offset of the metadata log that this view shows; grows with every change.
    virtual Offset version() const = 0;
};

}  // namespace millrace::group
