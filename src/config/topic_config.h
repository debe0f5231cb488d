// config/topic_config.h: what holds for one topic: its overrides over the broker's configuration
// over the defaults, as typed values.
//
// Immutable; made when a topic or a configuration changes and shared as shared_ptr<const
// TopicConfig>, so that the append path reads plain fields. Units are in the names; int64 maximum
// means "no limit" as in Kafka.
// Kafka: LogConfig.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/broker_config.h"
#include "config/validate.h"

namespace millrace::config {

enum class TimestampType : int8_t { create_time = 0, log_append_time = 1 };
// The first five are the numbers of a record batch's codec.
enum class CompressionType : int8_t {
    uncompressed = 0,
    gzip = 1,
    snappy = 2,
    lz4 = 3,
    zstd = 4,
    producer = 100
};

struct TopicConfig {
    bool cleanup_delete = true;
    bool cleanup_compact = false;

    // Segments.
    int32_t segment_bytes = 1 << 30;  // internal.segment.bytes where that is set
    int64_t segment_ms = 604'800'000;
    int64_t segment_jitter_ms = 0;
    int32_t segment_index_bytes = 10 << 20;
    int32_t index_interval_bytes = 4096;
    int64_t file_delete_delay_ms = 60'000;
    bool preallocate = false;
    int64_t flush_messages = std::numeric_limits<int64_t>::max();
    int64_t flush_ms = std::numeric_limits<int64_t>::max();

    // Retention.
    int64_t retention_ms = 604'800'000;  // -1: forever
    int64_t retention_bytes = -1;        // -1: unbounded
    int64_t local_retention_ms = -2;     // -2: as retention_ms
    int64_t local_retention_bytes = -2;  // -2: as retention_bytes

    // Compaction.
    int64_t delete_retention_ms = 86'400'000;
    int64_t min_compaction_lag_ms = 0;
    int64_t max_compaction_lag_ms = std::numeric_limits<int64_t>::max();
    double min_cleanable_dirty_ratio = 0.5;

    // Records.
    int32_t max_message_bytes = 1'048'588;
    TimestampType timestamp_type = TimestampType::create_time;
    int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
    int64_t timestamp_after_max_ms = 3'600'000;
    CompressionType compression_type = CompressionType::producer;
    int32_t gzip_level = -1;
    int32_t lz4_level = 9;
    int32_t zstd_level = 3;

    bool key_index = false;  // millrace.key.index.enable

    // Replication.
    int32_t min_insync_replicas = 1;
    bool unclean_leader_election = false;
    std::vector<std::string> leader_throttled_replicas;
    std::vector<std::string> follower_throttled_replicas;

    // Tiered storage.
    bool remote_storage = false;
    bool remote_copy_disable = false;
    bool remote_delete_on_disable = false;

    friend bool operator==(const TopicConfig&, const TopicConfig&) = default;

    // Overrides that do not parse are passed over with a warning: they were checked before they
    // were stored.
    static std::shared_ptr<const TopicConfig> make(const Overrides& topic,
                                                   const BrokerConfig& broker);
};

// What CreateTopics answers about the topic's configuration: every one, sorted by name, texts as
// they were said; none of them is read-only or sensitive.
struct EffectiveTopicConfig {
    std::string_view name;  // lives as long as the program
    std::optional<std::string> value;
    Source source;
};
std::vector<EffectiveTopicConfig> effective_topic_configs(const Overrides& topic,
                                                          const BrokerConfig& broker);

}  // namespace millrace::config
