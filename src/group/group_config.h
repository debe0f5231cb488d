// The broker's configuration of groups and offsets; names and defaults are Kafka's (group.*,
// offsets.*).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace millrace::group {

// group.consumer.migration.policy: which conversions between the classic and the consumer protocol
// happen while members stay.
enum class MigrationPolicy : uint8_t { disabled, downgrade, upgrade, bidirectional };

struct GroupConfig {
    // Classic protocol.
    int32_t group_min_session_timeout_ms = 6'000;
    int32_t group_max_session_timeout_ms = 1'800'000;
    int32_t group_initial_rebalance_delay_ms = 3'000;
    int32_t group_max_size = std::numeric_limits<int32_t>::max();
    // How long a member without an id may wait in a join before it counts as gone (not configurable
    // in Kafka).
    int32_t new_member_join_timeout_ms = 300'000;

    // Consumer protocol (KIP-848).
    // group.coordinator.rebalance.protocols has "consumer", group.version >= 1.
    bool consumer_protocol_enabled = true;
    int32_t group_consumer_session_timeout_ms = 45'000;
    int32_t group_consumer_heartbeat_interval_ms = 5'000;
    int32_t group_consumer_assignment_interval_ms = 1'000;
    int32_t group_consumer_max_size = std::numeric_limits<int32_t>::max();
    // The first is the default.
    std::vector<std::string> group_consumer_assignors = {"uniform", "range"};
    MigrationPolicy group_consumer_migration_policy = MigrationPolicy::bidirectional;

    // Offsets.
    // Of a topic that does not exist yet; else what it has counts.
    int32_t offsets_topic_num_partitions = 50;
    int32_t offset_metadata_max_bytes = 4'096;
    int32_t offsets_retention_minutes = 10'080;
    int64_t offsets_retention_check_interval_ms = 600'000;
};

}  // namespace millrace::group
