#include "broker/partition.h"

#include "base/log.h"
#include "broker/log_directories.h"

namespace millrace::broker {
namespace {

storage::LogConfig to_log_config(const config::TopicConfig& topic) {
    storage::LogConfig log;
    log.segment_bytes = topic.segment_bytes;
    log.segment_ms = topic.segment_ms;
    log.segment_jitter_ms = topic.segment_jitter_ms;
    log.segment_index_bytes = topic.segment_index_bytes;
    log.index_interval_bytes = topic.index_interval_bytes;
    log.cleanup_delete = topic.cleanup_delete;
    log.cleanup_compact = topic.cleanup_compact;
    log.retention_ms = topic.retention_ms;
    log.retention_bytes = topic.retention_bytes;
    log.file_delete_delay_ms = topic.file_delete_delay_ms;
    log.delete_retention_ms = topic.delete_retention_ms;
    log.min_compaction_lag_ms = topic.min_compaction_lag_ms;
    log.max_compaction_lag_ms = topic.max_compaction_lag_ms;
    log.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
    log.flush_messages = topic.flush_messages;
    log.flush_ms = topic.flush_ms;
    log.max_message_bytes = topic.max_message_bytes;
    log.log_append_time = topic.timestamp_type == config::TimestampType::log_append_time;
    log.timestamp_before_max_ms = topic.timestamp_before_max_ms;
    log.timestamp_after_max_ms = topic.timestamp_after_max_ms;
    if (topic.compression_type != config::CompressionType::producer)
        log.compression = static_cast<protocol::Codec>(topic.compression_type);
    log.compression_levels = {
        .gzip = topic.gzip_level, .lz4 = topic.lz4_level, .zstd = topic.zstd_level};
    log.key_index = topic.key_index;
    return log;
}

// Whether the log that is open under the name is that topic's, and not that of one which came later.
bool is_open(const storage::LogManager& logs, const TopicPartition& name, Uuid topic_id) {
    const storage::Log* const log = logs.find(name);
    return log && log->topic_id() == topic_id;
}

void remove_log(storage::LogManager& logs, const TopicPartition& name, TimestampMs now) {
    if (const auto removed = logs.remove(name, now); !removed)
        LOG_ERROR("broker", "removing {}-{}: {}", name.topic, name.partition,
                  removed.error().describe());
}

}  // namespace

Partition::~Partition() {
    if (gone_ && is_open(logs_, name_, topic_id_)) remove_log(logs_, name_, 0);
}

void Partition::advance() {
    log_->set_high_watermark(log_->readable_end());
    changed_.notify();
}

void Partition::set_log(storage::Log& log) {
    log_ = &log;
    if (config_) log_->set_config(to_log_config(*config_));
    log_->begin_epoch(leader_epoch_);
    changed_.notify();
}

bool Partition::take_room(uint64_t bytes, TimestampMs now) {
    const auto directory = logs_.directory_of(name_);
    if (!directory || !logs_.directories()[*directory].room) return true;
    return logs_.directories()[*directory].room->take(bytes, now);
}

runtime::Task<void> Partition::until_resumed(runtime::Loop& loop) {
    runtime::Subscriber waiting{loop};
    waiting.subscribe(changed_);
    while (paused()) co_await waiting.wait_until(runtime::TimePoint::max());
}

ErrorCode Partition::check_epoch(LeaderEpoch known_to_client) const {
    if (known_to_client == -1 || known_to_client == leader_epoch_) return ErrorCode::none;
    return known_to_client < leader_epoch_ ? ErrorCode::fenced_leader_epoch
                                           : ErrorCode::unknown_leader_epoch;
}

std::shared_ptr<const config::TopicConfig> Partitions::topic_config(
    const std::string& topic) const {
    return config::TopicConfig::make(image_->overrides(metadata::ResourceType::topic, topic),
                                     *broker_config_);
}

storage::LogConfig Partitions::log_config(const std::string& topic) const {
    return to_log_config(*topic_config(topic));
}

void Partitions::reconfigure(Partition& partition, const metadata::Topic& topic) {
    const metadata::Partition* now = topic.partition(partition.name_.partition);
    if (now->leader_epoch != partition.leader_epoch_ || !partition.config_) {
        partition.leader_epoch_ = now->leader_epoch;
        partition.log_->begin_epoch(now->leader_epoch);
    }
    partition.isr_size_ = static_cast<int32_t>(now->isr.size());
    partition.replica_count_ = static_cast<int32_t>(now->replicas.size());
    auto config = topic_config(topic.name);
    if (partition.config_ && *config == *partition.config_) return;
    partition.config_ = std::move(config);
    partition.log_->set_config(to_log_config(*partition.config_));
}

void Partitions::start(metadata::ImagePtr image,
                       std::shared_ptr<const config::BrokerConfig> broker) {
    image_ = std::move(image);
    broker_config_ = std::move(broker);
    for (const auto& future : logs_.futures())
        if (!image_->partition(future.partition.topic, future.partition.partition))
            if (const auto gone = logs_.drop_future(future.partition, loop_.wall_ms()); !gone)
                LOG_ERROR("broker", "{}", gone.error().describe());
    for (const TopicPartition& name : logs_.partitions()) {
        const auto topic = image_->topic(std::string_view{name.topic});
        if (topic && topic->partition(name.partition)) continue;
        if (const auto moved = logs_.mark_stray(name); !moved)
            LOG_ERROR("broker", "{}-{} is no topic's, and cannot be moved out of the way: {}",
                      name.topic, name.partition, moved.error().describe());
    }
}

void Partitions::on_image(metadata::ImagePtr image, const metadata::Delta& delta,
                          std::shared_ptr<const config::BrokerConfig> broker) {
    const bool for_all = broker != broker_config_;
    image_ = std::move(image);
    broker_config_ = std::move(broker);
    for (const metadata::TopicChange& change : delta.topics)
        if (!change.after) remove(*change.before);
    if (for_all) {
        for (const auto& [id, row] : open_) reconfigure(id);
        return;
    }
    for (const metadata::TopicChange& change : delta.topics)
        if (change.after) reconfigure(change.after->id);
    for (const metadata::ConfigResource& resource : delta.configs)
        if (resource.type == metadata::ResourceType::topic)
            if (const auto topic = image_->topic(std::string_view{resource.name}))
                reconfigure(topic->id);
}

// What nobody holds goes now; the rest when its last holder lets go.
void Partitions::remove(const metadata::Topic& topic) {
    const auto row = open_.find(topic.id);
    for (PartitionIndex i = 0; i < static_cast<PartitionIndex>(topic.partitions.size()); ++i) {
        if (const PartitionPtr* open = find(topic.id, i)) {
            (*open)->gone_ = true;
            (*open)->changed_.notify();
        } else if (const TopicPartition name{topic.name, i};
                   logs_.contains(name) &&
                   (!logs_.find(name) || is_open(logs_, name, topic.id) ||
                    logs_.directories()[*logs_.directory_of(name)].failed())) {
            remove_log(logs_, name, loop_.wall_ms());
        }
    }
    if (row != open_.end()) open_.erase(row);
}

void Partitions::reconfigure(const Uuid& topic_id) {
    const auto row = open_.find(topic_id);
    const auto topic = image_->topic(topic_id);
    if (row == open_.end() || !topic) return;
    for (const PartitionPtr& partition : row->second)
        if (partition) reconfigure(*partition, *topic);
}

const PartitionPtr* Partitions::find(const Uuid& topic_id, PartitionIndex index) const {
    const auto row = open_.find(topic_id);
    if (row == open_.end() || index < 0 || static_cast<size_t>(index) >= row->second.size())
        return nullptr;
    const PartitionPtr& partition = row->second[static_cast<size_t>(index)];
    return partition ? &partition : nullptr;
}

runtime::Task<Result<PartitionPtr>> Partitions::get(metadata::TopicPtr topic,
                                                    PartitionIndex index) {
    const metadata::Partition* assigned = topic ? topic->partition(index) : nullptr;
    if (!assigned) co_return fail(ErrorCode::unknown_topic_or_partition);
    if (const PartitionPtr* open = find(topic->id, index)) co_return *open;
    if (!assigned->replicas.contains(node_)) co_return fail(ErrorCode::not_leader_or_follower);
    CO_TRY(const size_t directory, directories_->place(*topic, index, *assigned));
    if (assigned->leader != node_) co_return fail(ErrorCode::not_leader_or_follower);
    const TopicPartition name{topic->name, index};
    CO_TRY(storage::Log* const log, co_await open_log(name, topic->id, directory));

    // Meanwhile another request may have opened it, or the topic may be gone.
    if (const PartitionPtr* open = find(topic->id, index)) co_return *open;
    const auto current = image_->topic(topic->id);
    if (!current) {
        // No Partition will ever hold the log: its files go now.
        if (is_open(logs_, name, topic->id)) remove_log(logs_, name, loop_.wall_ms());
        co_return fail(ErrorCode::unknown_topic_or_partition);
    }
    auto partition = std::make_shared<Partition>(logs_, *log, name, current->id);
    reconfigure(*partition, *current);
    partition->advance();
    auto& row = open_[current->id];
    if (row.size() < current->partitions.size()) row.resize(current->partitions.size());
    row[static_cast<size_t>(index)] = partition;
    co_return partition;
}

bool Partitions::let_go(const TopicPartition& name) {
    const auto topic = image_->topic(std::string_view{name.topic});
    // A deleted topic's: its last holder removes it.
    if (!topic || !is_open(logs_, name, topic->id)) return false;
    if (!find(topic->id, name.partition)) return true;
    PartitionPtr& open = open_.find(topic->id)->second[static_cast<size_t>(name.partition)];
    if (open.use_count() > 1) return false;
    open.reset();
    return true;
}

void Partitions::drop_failed() {
    for (auto& [id, row] : open_)
        for (PartitionPtr& partition : row) {
            if (!partition) continue;
            const auto directory = logs_.directory_of(partition->name());
            if (!directory || !logs_.directories()[*directory].failed()) continue;
            partition->changed_.notify();
            partition.reset();
        }
}

// The log of this very topic: a directory left by an earlier topic of the same name is moved out of
// the way.
runtime::Task<Result<storage::Log*>> Partitions::open_log(const TopicPartition& name, Uuid topic_id,
                                                          size_t directory) {
    if (logs_.contains(name)) {
        CO_TRY(const auto found, logs_.topic_id(name));
        if (!found || *found == topic_id) {
            CO_TRY(storage::Log* const log, co_await logs_.open(name, loop_.wall_ms()));
            if (!found) CO_TRY_OK(log->set_topic_id(topic_id));
            co_return log;
        }
        LOG_WARN("broker", "{}-{} on disk belongs to topic id {}, not {}: marked as stray",
                 name.topic, name.partition, found->to_string(), topic_id.to_string());
        CO_TRY_OK(logs_.mark_stray(name));
    }
    auto made = co_await logs_.create(name, topic_id, loop_.wall_ms(), directory);
    if (made.code() == ErrorCode::already_exists)
        co_return co_await logs_.open(name, loop_.wall_ms());
    co_return made;
}

}  // namespace millrace::broker
