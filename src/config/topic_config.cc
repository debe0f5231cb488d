#include "config/topic_config.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace millrace::config {
namespace {

// The effective values of one topic, by name.
class Reader {
public:
    Reader(const Overrides& topic, const BrokerConfig& broker) : topic_(topic), broker_(broker) {}

    Value value(std::string_view name) const {
        const Def* def = find(Scope::topic, name);
        INVARIANT(def != nullptr);
        if (const auto own = topic_.find(name); own != topic_.end()) {
            auto parsed = parse(*def, own->second);
            if (parsed) return *std::move(parsed);
            LOG_WARN("config", "a topic's configuration is passed over: {}",
                     parsed.error().message);
        }
        // The broker's ranges held for it, e.g. any negative retention for "for ever"; the topic's
        // are for overrides only.
        Def unchecked = *def;
        unchecked.valid = {};
        auto parsed = parse(unchecked, broker_.inherited(*def).text);
        return parsed ? *std::move(parsed) : default_value(*def);
    }

    void read(std::string_view name, bool& into) const { into = std::get<bool>(value(name)); }
    void read(std::string_view name, double& into) const { into = std::get<double>(value(name)); }
    void read(std::string_view name, int32_t& into) const {
        into = static_cast<int32_t>(std::get<int64_t>(value(name)));
    }
    void read(std::string_view name, int64_t& into) const { into = std::get<int64_t>(value(name)); }
    void read(std::string_view name, std::vector<std::string>& into) const {
        into = std::get<std::vector<std::string>>(value(name));
    }

private:
    const Overrides& topic_;
    const BrokerConfig& broker_;
};

CompressionType compression_named(const std::string& name) {
    if (name == "gzip") return CompressionType::gzip;
    if (name == "snappy") return CompressionType::snappy;
    if (name == "lz4") return CompressionType::lz4;
    if (name == "zstd") return CompressionType::zstd;
    return name == "uncompressed" ? CompressionType::uncompressed : CompressionType::producer;
}

void read_segments(const Reader& reader, TopicConfig& c) {
    reader.read("segment.bytes", c.segment_bytes);
    const Value hidden = reader.value("internal.segment.bytes");
    // Kafka accepts any number here; less than one byte would never hold a batch.
    if (const auto* n = std::get_if<int64_t>(&hidden))
        c.segment_bytes = static_cast<int32_t>(std::max<int64_t>(*n, 1));
    reader.read("segment.ms", c.segment_ms);
    reader.read("segment.jitter.ms", c.segment_jitter_ms);
    reader.read("segment.index.bytes", c.segment_index_bytes);
    reader.read("index.interval.bytes", c.index_interval_bytes);
    reader.read("file.delete.delay.ms", c.file_delete_delay_ms);
    reader.read("preallocate", c.preallocate);
    reader.read("flush.messages", c.flush_messages);
    reader.read("flush.ms", c.flush_ms);
}

void read_retention(const Reader& reader, TopicConfig& c) {
    std::vector<std::string> policies;
    reader.read("cleanup.policy", policies);
    c.cleanup_delete = std::ranges::find(policies, "delete") != policies.end();
    c.cleanup_compact = std::ranges::find(policies, "compact") != policies.end();
    reader.read("retention.ms", c.retention_ms);
    c.retention_ms = std::max<int64_t>(c.retention_ms, -1);
    reader.read("retention.bytes", c.retention_bytes);
    reader.read("local.retention.ms", c.local_retention_ms);
    reader.read("local.retention.bytes", c.local_retention_bytes);
    reader.read("delete.retention.ms", c.delete_retention_ms);
    reader.read("min.compaction.lag.ms", c.min_compaction_lag_ms);
    reader.read("max.compaction.lag.ms", c.max_compaction_lag_ms);
    reader.read("min.cleanable.dirty.ratio", c.min_cleanable_dirty_ratio);
}

void read_records(const Reader& reader, TopicConfig& c) {
    reader.read("max.message.bytes", c.max_message_bytes);
    c.timestamp_type =
        std::get<std::string>(reader.value("message.timestamp.type")) == "LogAppendTime"
            ? TimestampType::log_append_time
            : TimestampType::create_time;
    reader.read("message.timestamp.before.max.ms", c.timestamp_before_max_ms);
    reader.read("message.timestamp.after.max.ms", c.timestamp_after_max_ms);
    c.compression_type = compression_named(std::get<std::string>(reader.value("compression.type")));
    reader.read("compression.gzip.level", c.gzip_level);
    reader.read("compression.lz4.level", c.lz4_level);
    reader.read("compression.zstd.level", c.zstd_level);
    reader.read("millrace.key.index.enable", c.key_index);
}

void read_replication(const Reader& reader, TopicConfig& c) {
    reader.read("min.insync.replicas", c.min_insync_replicas);
    reader.read("unclean.leader.election.enable", c.unclean_leader_election);
    reader.read("leader.replication.throttled.replicas", c.leader_throttled_replicas);
    reader.read("follower.replication.throttled.replicas", c.follower_throttled_replicas);
    reader.read("remote.storage.enable", c.remote_storage);
    reader.read("remote.log.copy.disable", c.remote_copy_disable);
    reader.read("remote.log.delete.on.disable", c.remote_delete_on_disable);
}

}  // namespace

std::shared_ptr<const TopicConfig> TopicConfig::make(const Overrides& topic,
                                                     const BrokerConfig& broker) {
    const Reader reader(topic, broker);
    auto out = std::make_shared<TopicConfig>();
    read_segments(reader, *out);
    read_retention(reader, *out);
    read_records(reader, *out);
    read_replication(reader, *out);
    return out;
}

std::vector<EffectiveTopicConfig> effective_topic_configs(const Overrides& topic,
                                                          const BrokerConfig& broker) {
    std::vector<EffectiveTopicConfig> out;
    for (const Def& def : definitions(Scope::topic)) {
        const auto own = topic.find(def.name);
        if (own != topic.end()) {
            out.push_back({def.name, own->second, Source::dynamic_topic});
        } else if (def.visibility == Visibility::shown) {
            auto inherited = broker.inherited(def);
            out.push_back({def.name, std::move(inherited.text), inherited.source});
        }
    }
    return out;
}

}  // namespace millrace::config
