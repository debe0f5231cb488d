#include "controller/metadata_node.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "controller/brokers.h"
#include "controller/configs.h"
#include "controller/metadata_node_state.h"
#include "controller/topics.h"
#include "controller/update_features.h"
#include "metadata/features.h"
#include "metadata/snapshot.h"
#include "storage/file_names.h"

namespace millrace::controller {
namespace {

// More than this goes into several batches (Kafka's readers expect at most 8 MiB). A crash may then
// keep a part of what one request wanted, which nobody was told to be done.
constexpr size_t kBatchBytesMax = 4u << 20;
constexpr size_t kYieldBytes = 256u << 10;
constexpr auto kSnapshotRetry = std::chrono::minutes(1);

}  // namespace

raft::QuorumLogOptions MetadataNode::State::log_options() const {
    raft::QuorumLogOptions to;
    to.directory = storage::join_path(
        options.metadata_log_dir,
        storage::partition_directory_name({std::string(storage::kMetadataTopic), 0}));
    to.node_id = options.config->node_id();
    to.directory_id = options.directory_id;
    to.endpoints = options.controller_endpoints;
    to.segment_bytes = options.config->int32("metadata.log.segment.bytes");
    to.segment_ms = options.config->int64("metadata.log.segment.ms");
    to.retention_bytes = options.config->int64("metadata.max.retention.bytes");
    to.retention_ms = options.config->int64("metadata.max.retention.ms");
    return to;
}

runtime::Task<Result<void>> MetadataNode::State::load() {
    metadata::Position position;
    raft::Replay replay;
    replay.record = [this](ByteView bytes) -> Result<void> {
        TRY(const auto record, protocol::decode_metadata_record(bytes));
        return builder.apply(record);
    };
    replay.end = [&position](Offset last, LeaderEpoch epoch,
                             TimestampMs timestamp) -> Result<void> {
        position = {.offset = last, .epoch = epoch, .timestamp = timestamp};
        return {};
    };
    CO_TRY_OK(co_await log->replay(replay));
    CO_TRY_OK(co_await log->lead());
    if (builder.in_transaction()) {
        LOG_WARN("controller", "aborting the metadata transaction that the last leader left open");
        CO_TRY_OK(append_batch(std::initializer_list<protocol::MetadataRecord>{
            protocol::AbortTransactionRecord{.reason = protocol::Str("a new leader took over")}}));
        co_return {};
    }
    position.offset = log->end_offset() - 1;  // the leader change
    position.epoch = log->epoch();
    position.timestamp = loop.wall_ms();
    auto [image, delta] = builder.publish(position);
    appended = image;
    refresh_config(delta);
    pending.push_back(
        {.end = log->end_offset(), .image = std::move(image), .delta = std::move(delta)});
    co_return {};
}

// What bootstrap.checkpoint says; without the file, the latest metadata.version and its defaults.
Result<metadata::ImagePtr> MetadataNode::State::bootstrap_image() const {
    const std::string path = storage::join_path(options.metadata_log_dir, raft::kBootstrapName);
    metadata::Builder bootstrap;
    auto file = disk.read_file(path);
    if (file) {
        auto read = raft::read_snapshot(as_bytes(*file), [&](ByteView bytes) -> Result<void> {
            TRY(const auto record, protocol::decode_metadata_record(bytes));
            return bootstrap.apply(record);
        });
        if (!read) return fail(read.code(), fmt::format("{}: {}", path, read.error().message));
    } else if (file.code() == ErrorCode::not_found) {
        for (const auto& [name, level] : metadata::default_levels(metadata::kMetadataVersionLatest))
            TRY_OK(bootstrap.apply(
                protocol::FeatureLevelRecord{.name = protocol::Str(name), .feature_level = level}));
    } else {
        return std::move(file).error();
    }
    return bootstrap.publish({}).first;
}

// The transaction with which a cluster begins. The records borrow from `image`.
Result<Records> MetadataNode::State::bootstrap_records(const metadata::ImagePtr& image) const {
    const bool transaction =
        metadata::metadata_transactions_supported(metadata::metadata_version(*image));
    Records records;
    if (transaction)
        records.push_back(
            protocol::BeginTransactionRecord{.name = protocol::Str("Bootstrap records")});
    TRY_OK(
        metadata::write_records(image, [&](const protocol::MetadataRecord& record) -> Result<void> {
            records.push_back(record);
            return {};
        }));
    if (image->elr_enabled()) add_elr_records(*image, *config, records);
    if (transaction) records.push_back(protocol::EndTransactionRecord{});
    return records;
}

runtime::Task<Result<void>> MetadataNode::State::begin_life() {
    if (appended->features->empty()) {
        CO_TRY(const metadata::ImagePtr image, bootstrap_image());
        CO_TRY(const Records records, bootstrap_records(image));
        CO_TRY_OK(append(records));
    }
    if (metadata::controller_registration_supported(metadata::metadata_version(*appended))) {
        protocol::RegisterControllerRecord record;
        record.controller_id = options.config->node_id();
        record.incarnation_id = options.incarnation_id;
        for (const raft::VoterEndpoint& e : options.controller_endpoints) {
            auto& to = record.end_points.emplace_back();
            to.name = protocol::Str(e.listener);
            to.host = protocol::Str(e.host);
            to.port = e.port;
        }
        for (const auto& [name, range] : metadata::supported_features()) {
            auto& to = record.features.emplace_back();
            to.name = protocol::Str(name);
            to.min_supported_version = range.min;
            to.max_supported_version = range.max;
        }
        Records records;
        records.push_back(std::move(record));
        CO_TRY_OK(append(records));
    }
    barrier = log->end_offset();
    co_return co_await settle();
}

Context MetadataNode::State::context(int16_t version) {
    return {.state = *appended,
            .config = *config,
            .rng = loop.rng(),
            .node_id = options.config->node_id(),
            .cluster_id = options.cluster_id,
            .next_offset = log->end_offset(),
            .version = version,
            .kraft_version = log->quorum().kraft_version()};
}

Result<void> MetadataNode::State::append(const Records& records) {
    size_t from = 0;
    size_t bytes = 0;
    bool transaction = false;
    for (size_t i = 0; i < records.size(); ++i) {
        transaction |= std::holds_alternative<protocol::BeginTransactionRecord>(records[i]);
        bytes += 128;  // about what a record takes, its vectors included
        if (transaction || bytes < kBatchBytesMax) continue;
        TRY_OK(append_batch(std::span(records).subspan(from, i + 1 - from)));
        from = i + 1;
        bytes = 0;
    }
    if (from < records.size()) TRY_OK(append_batch(std::span(records).subspan(from)));
    return {};
}

Result<void> MetadataNode::State::append_batch(std::span<const protocol::MetadataRecord> records) {
    if (const Error* error = log->failed()) return fail(ErrorCode::not_controller, error->message);
    const int16_t metadata_version = metadata::metadata_version(*appended);
    const TimestampMs now = loop.wall_ms();
    protocol::BatchOptions batch_options;
    batch_options.base_offset = log->end_offset();
    batch_options.leader_epoch = log->epoch();
    protocol::BatchBuilder batch(batch_options);
    for (const protocol::MetadataRecord& record : records) {
        TRY(const auto bytes, protocol::encode_metadata_record(
                                  record, metadata::record_version(record, metadata_version)));
        batch.append(now, std::nullopt, bytes);
    }
    TRY(auto bytes, batch.finish());
    auto give_up = [&](ErrorCode code, const Error& why) {
        builder = metadata::Builder(appended);
        LOG_DEBUG("controller", "gave up {} records: {}", records.size(), why.describe());
        return fail(code, why.message);
    };
    for (const protocol::MetadataRecord& record : records) {
        auto applied = builder.apply(record);
        if (!applied) return give_up(ErrorCode::unknown_server_error, applied.error());
    }
    if (auto taken = log->append(std::move(bytes)); !taken)
        return give_up(ErrorCode::kafka_storage_error, taken.error());
    last_append = loop.now();
    barrier = log->end_offset();
    auto [image, delta] =
        builder.publish({.offset = barrier - 1, .epoch = log->epoch(), .timestamp = now});
    appended = image;
    refresh_config(delta);
    pending.push_back({.end = barrier, .image = std::move(image), .delta = std::move(delta)});
    return {};
}

void MetadataNode::State::refresh_config(const metadata::Delta& delta) {
    const std::string self = std::to_string(options.config->node_id());
    for (const auto& resource : delta.configs) {
        if (resource.type != metadata::ResourceType::broker) continue;
        if (!resource.name.empty() && resource.name != self) continue;
        config = std::make_shared<const config::BrokerConfig>(
            options.config->with_dynamic(appended->overrides(metadata::ResourceType::broker, self),
                                         appended->overrides(metadata::ResourceType::broker, "")));
        return;
    }
}

void MetadataNode::State::commit_up_to(Offset high_watermark) {
    while (!pending.empty() && pending.front().end <= high_watermark) {
        Pending next = std::move(pending.front());
        pending.pop_front();
        committed = std::move(next.image);
        if (listener && !next.delta.empty()) listener(committed, next.delta);
    }
}

runtime::Task<Result<void>> MetadataNode::State::settle() {
    auto synced = co_await log->sync_to(barrier);
    if (!synced) co_return fail(ErrorCode::not_controller, synced.error().message);
    co_return {};
}

bool MetadataNode::State::snapshot_due() const {
    if (committed->position.offset + 1 <= log->newest_snapshot().end_offset) return false;
    const auto bytes_max = options.config->int64("metadata.log.max.record.bytes.between.snapshots");
    if (log->bytes_since_snapshot() >= static_cast<uint64_t>(bytes_max)) return true;
    const int64_t interval = options.config->int64("metadata.log.max.snapshot.interval.ms");
    const TimestampMs last = std::max(log->last_snapshot_ms(), started_ms);
    return interval > 0 && loop.wall_ms() - last >= interval;
}

runtime::Task<Result<void>> MetadataNode::State::take_snapshot() {
    const metadata::ImagePtr image = committed;
    const raft::SnapshotId id{.end_offset = image->position.offset + 1,
                              .epoch = image->position.epoch};
    raft::SnapshotWriter writer(log->snapshot_options(id, image->position.timestamp));
    const int16_t metadata_version = metadata::metadata_version(*image);
    metadata::ImageWriter parts(image);
    size_t yielded = 0;
    while (true) {
        CO_TRY(const bool more,
               parts.next([&](const protocol::MetadataRecord& record) -> Result<void> {
                   TRY(const auto bytes,
                       protocol::encode_metadata_record(
                           record, metadata::record_version(record, metadata_version)));
                   writer.append(bytes);
                   return {};
               }));
        if (!more) break;
        if (writer.size_bytes() - yielded < kYieldBytes) continue;
        yielded = writer.size_bytes();
        co_await loop.yield();
    }
    CO_TRY(std::string content, writer.finish());
    co_return co_await log->store_snapshot(id, std::move(content));
}

// Not synced: nobody waits for it, and the next sync covers it.
void MetadataNode::State::append_no_op() {
    const Offset keep = barrier;
    const protocol::MetadataRecord record = protocol::NoOpRecord{};
    const auto appended_it = append_batch({&record, 1});
    if (!appended_it && !idle_failed)
        LOG_WARN("controller", "no idle record was written: {}", appended_it.error().message);
    idle_failed = !appended_it;
    last_append = loop.now();
    barrier = keep;
}

// Of a broker that is not fenced Apache Kafka's controller assumes that it still runs: until its
// session has run out it lets none with the same id in.
Result<void> MetadataNode::State::fence_this_broker() {
    const auto broker = appended->brokers->find(options.config->node_id());
    if (log->failed() != nullptr || broker == appended->brokers->end() || broker->second.fenced)
        return {};
    protocol::BrokerHeartbeatRequest heartbeat;
    heartbeat.broker_id = broker->first;
    heartbeat.broker_epoch = broker->second.epoch;
    heartbeat.want_fence = true;
    auto fenced = controller::broker_heartbeat(context(2), heartbeat);
    INVARIANT(fenced.response.error_code == 0);
    return append(fenced.records);
}

runtime::Task<Result<std::unique_ptr<MetadataNode>>> MetadataNode::start(
    runtime::Disk& disk, storage::Shard& shard, runtime::Loop& loop, MetadataNodeOptions options) {
    std::unique_ptr<MetadataNode> node(
        new MetadataNode(std::make_unique<State>(disk, loop, std::move(options))));
    State& state = *node->state_;
    CO_TRY(state.log, co_await raft::QuorumLog::open(disk, shard, loop, state.log_options()));
    state.log->on_commit([&state](Offset high_watermark) { state.commit_up_to(high_watermark); });
    state.started_ms = loop.wall_ms();
    CO_TRY_OK(co_await state.load());
    CO_TRY_OK(co_await state.begin_life());
    co_return std::move(node);
}

MetadataNode::MetadataNode(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetadataNode::~MetadataNode() = default;

const metadata::ImagePtr& MetadataNode::image() const {
    return state_->committed;
}
int16_t MetadataNode::kraft_version() const {
    return state_->log->quorum().kraft_version();
}
void MetadataNode::set_listener(Listener listener) {
    state_->listener = std::move(listener);
}
const Error* MetadataNode::failed() const {
    return state_->log->failed();
}

runtime::Task<void> MetadataNode::run() {
    State& s = *state_;
    s.running = true;
    const auto idle =
        std::chrono::milliseconds(s.options.config->int32("metadata.max.idle.interval.ms"));
    constexpr auto kLook = std::chrono::seconds(1);
    while (!s.stopping && s.log->failed() == nullptr) {
        const auto now = s.loop.now();
        if (idle.count() > 0 && now - s.last_append >= idle) s.append_no_op();
        if (now >= s.snapshot_not_before && s.snapshot_due()) {
            if (auto taken = co_await s.take_snapshot(); !taken) {
                LOG_ERROR("controller", "no snapshot was written: {}", taken.error().describe());
                s.snapshot_not_before = s.loop.now() + kSnapshotRetry;
            }
        }
        const runtime::TimePoint next =
            idle.count() > 0 ? s.last_append + idle : s.loop.now() + kLook;
        co_await s.stop_asked.wait_until(s.loop, next);
    }
    s.running = false;
    s.run_ended.set();
}

runtime::Task<Result<void>> MetadataNode::stop() {
    State& s = *state_;
    s.stopping = true;
    s.stop_asked.set();
    if (s.running) co_await s.run_ended.wait();
    s.listener = nullptr;
    if (auto fenced = s.fence_this_broker(); !fenced)
        LOG_WARN("controller", "the broker could not be fenced: {}", fenced.error().describe());
    if (s.log->failed() == nullptr) CO_TRY_OK(co_await s.log->sync_to(s.log->end_offset()));
    co_return co_await s.log->close();
}

runtime::Task<Result<int64_t>> MetadataNode::register_this_broker(
    std::vector<metadata::Endpoint> endpoints, std::vector<Uuid> log_dirs,
    int64_t previous_broker_epoch) {
    State& s = *state_;
    protocol::BrokerRegistrationRequest request;
    request.broker_id = s.options.config->node_id();
    request.cluster_id = protocol::Str(s.options.cluster_id);
    request.incarnation_id = s.options.incarnation_id;
    for (const metadata::Endpoint& e : endpoints) {
        auto& to = request.listeners.emplace_back();
        to.name = protocol::Str(e.listener);
        to.host = protocol::Str(e.host);
        to.port = e.port;
        to.security_protocol = e.security_protocol;
    }
    for (const auto& [name, range] : metadata::supported_features()) {
        auto& to = request.features.emplace_back();
        to.name = protocol::Str(name);
        to.min_supported_version = range.min;
        to.max_supported_version = range.max;
    }
    request.rack.reset();
    if (!s.config->is_null("broker.rack"))
        request.rack = protocol::Str(s.config->string("broker.rack"));
    request.log_dirs = std::move(log_dirs);
    request.previous_broker_epoch = previous_broker_epoch;
    auto registered = controller::register_broker(s.context(4), request);
    const auto refused = static_cast<ErrorCode>(registered.response.error_code);
    if (refused != ErrorCode::none) co_return fail(refused, "the controller refused this broker");
    CO_TRY_OK(s.append(registered.records));

    protocol::BrokerHeartbeatRequest heartbeat;
    heartbeat.broker_id = request.broker_id;
    heartbeat.broker_epoch = registered.response.broker_epoch;
    heartbeat.current_metadata_offset = s.log->end_offset();
    heartbeat.cordoned_log_dirs = std::vector<Uuid>{};
    auto unfenced = controller::broker_heartbeat(s.context(2), heartbeat);
    INVARIANT(unfenced.response.error_code == 0);
    CO_TRY_OK(s.append(unfenced.records));
    CO_TRY_OK(co_await s.settle());
    co_return registered.response.broker_epoch;
}

protocol::DescribeQuorumResponse MetadataNode::describe_quorum(
    const protocol::DescribeQuorumRequest& request) const {
    const State& s = *state_;
    protocol::DescribeQuorumResponse response;
    bool known = false;
    for (const auto& topic : request.topics) {
        auto& to_topic = response.topics.emplace_back();
        to_topic.topic_name = topic.topic_name.to_owned();
        for (const auto& partition : topic.partitions) {
            auto& to = to_topic.partitions.emplace_back();
            to.partition_index = partition.partition_index;
            if (topic.topic_name != storage::kMetadataTopic || partition.partition_index != 0) {
                set_error(to, fail(ErrorCode::unknown_topic_or_partition));
                continue;
            }
            known = true;
            const raft::Quorum& quorum = s.log->quorum();
            to.leader_id = quorum.id();
            to.leader_epoch = quorum.epoch();
            to.high_watermark = quorum.high_watermark();
            auto& voter = to.current_voters.emplace_back();
            voter.replica_id = quorum.id();
            voter.replica_directory_id = s.options.directory_id;
            voter.log_end_offset = quorum.log_end();
            voter.last_fetch_timestamp = voter.last_caught_up_timestamp = s.loop.wall_ms();
        }
    }
    if (!known) return response;
    for (const raft::Voter& voter : s.log->quorum().voters()) {
        auto& node = response.nodes.emplace_back();
        node.node_id = voter.id;
        for (const raft::VoterEndpoint& e : voter.endpoints) {
            auto& to = node.listeners.emplace_back();
            to.name = protocol::Str(e.listener);
            to.host = protocol::Str(e.host);
            to.port = e.port;
        }
    }
    return response;
}

// The wrapper is no coroutine: the task is that of submit().
#define MILLRACE_SUBMIT(function, Message)                                               \
    [[clang::coro_wrapper]] runtime::Task<Result<protocol::Message##Response>>           \
    MetadataNode::function(const protocol::Message##Request& request, int16_t version) { \
        return state_->submit(&controller::function, request, version);                  \
    }
MILLRACE_SUBMIT(create_topics, CreateTopics)
MILLRACE_SUBMIT(delete_topics, DeleteTopics)
MILLRACE_SUBMIT(create_partitions, CreatePartitions)
MILLRACE_SUBMIT(alter_configs, AlterConfigs)
MILLRACE_SUBMIT(incremental_alter_configs, IncrementalAlterConfigs)
MILLRACE_SUBMIT(update_features, UpdateFeatures)
MILLRACE_SUBMIT(allocate_producer_ids, AllocateProducerIds)
MILLRACE_SUBMIT(elect_leaders, ElectLeaders)
MILLRACE_SUBMIT(assign_replicas_to_dirs, AssignReplicasToDirs)
MILLRACE_SUBMIT(register_broker, BrokerRegistration)
MILLRACE_SUBMIT(broker_heartbeat, BrokerHeartbeat)
#undef MILLRACE_SUBMIT

}  // namespace millrace::controller
