#include "raft/driver/quorum_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "storage/checkpoint_files.h"
#include "storage/file_names.h"

namespace millrace::raft {
namespace {

constexpr std::string_view kTopic = "__cluster_metadata";
constexpr size_t kSnapshotBytesMax = size_t{1} << 30;
constexpr uint64_t kReplayReadBytes = 1u << 20;
constexpr int32_t kBatchBytesMax = 64 << 20;  // ours are far smaller; Kafka's at most 8 MiB

// The bytes of a chain in one piece: what lies in memory, and what must be read from files.
runtime::Task<Result<std::vector<uint8_t>>> gather(const Chain& chain) {
    std::vector<uint8_t> out(chain.size());
    size_t at = 0;
    for (const ChainPart& part : chain.parts()) {
        if (!part.file) {
            std::ranges::copy(part.bytes, out.begin() + static_cast<ptrdiff_t>(at));
            at += part.bytes.size();
            continue;
        }
        auto& file = *static_cast<runtime::File*>(part.file.get());
        const MutableByteView into{out.data() + at, part.length};
        CO_TRY(const size_t got, co_await file.read_at(part.position, into));
        if (got != part.length)
            co_return fail(ErrorCode::kafka_storage_error, "a segment is shorter than it was");
        at += got;
    }
    co_return out;
}

// Lets others go on when the one who syncs is destroyed in the middle.
class Syncing {
public:
    Syncing(bool& flag, runtime::Signal& done) : flag_(flag), done_(done) { flag_ = true; }
    ~Syncing() {
        flag_ = false;
        done_.notify();
    }
    Syncing(const Syncing&) = delete;

private:
    bool& flag_;
    runtime::Signal& done_;
};

}  // namespace

QuorumLog::QuorumLog(runtime::Disk& disk, runtime::Loop& loop, QuorumLogOptions options)
    : disk_(disk), loop_(loop), options_(std::move(options)) {}

QuorumLog::~QuorumLog() = default;

std::string QuorumLog::path(std::string_view name) const {
    return storage::join_path(options_.directory, name);
}

runtime::Task<Result<std::unique_ptr<QuorumLog>>> QuorumLog::open(runtime::Disk& disk,
                                                                  storage::Shard& shard,
                                                                  runtime::Loop& loop,
                                                                  QuorumLogOptions options) {
    std::unique_ptr<QuorumLog> self(new QuorumLog(disk, loop, std::move(options)));
    CO_TRY_OK(co_await self->prepare_directory());
    CO_TRY_OK(self->find_snapshots());
    CO_TRY_OK(self->read_quorum_state());
    CO_TRY_OK(co_await self->open_log(shard));
    co_return std::move(self);
}

runtime::Task<Result<void>> QuorumLog::prepare_directory() {
    CO_TRY_OK(disk_.make_directories(options_.directory));
    const std::string name = path(storage::kPartitionMetadataName);
    if (disk_.info(name).code() != ErrorCode::not_found) co_return {};
    co_return co_await disk_.replace_file(name,
                                          storage::format_partition_metadata(kMetadataTopicId));
}

Result<void> QuorumLog::find_snapshots() {
    TRY(const auto entries, disk_.list(options_.directory));
    for (const auto& entry : entries) {
        if (is_snapshot_leftover(entry.name)) {
            TRY_OK(disk_.remove(path(entry.name)));
        } else if (auto id = parse_snapshot_file_name(entry.name)) {
            snapshots_.push_back(*id);
        }
    }
    std::ranges::sort(snapshots_);
    if (!snapshots_.empty() && snapshots_.back().end_offset > 0) {
        TRY(const auto info, disk_.info(path(snapshot_file_name(snapshots_.back()))));
        last_snapshot_ms_ = info.modified_ms;
    }
    return {};
}

Result<void> QuorumLog::read_quorum_state() {
    auto text = disk_.read_file(path(kQuorumStateName));
    if (text.code() == ErrorCode::not_found) return {};
    if (!text) return std::move(text).error();
    TRY(found_state_, parse_quorum_state(*text));
    return {};
}

runtime::Task<Result<void>> QuorumLog::open_log(storage::Shard& shard) {
    storage::LogOpen open;
    open.directory = options_.directory;
    open.partition = {std::string(kTopic), 0};
    open.config.segment_bytes = options_.segment_bytes;
    open.config.segment_ms = options_.segment_ms;
    open.config.retention_ms = storage::kUnlimited;  // by snapshots, see drop_old()
    open.config.retention_bytes = storage::kUnlimited;
    open.config.max_message_bytes = kBatchBytesMax;
    // The log begins at the oldest snapshot, and what a snapshot holds was synced before it was
    // taken.
    if (!snapshots_.empty()) {
        open.log_start = snapshots_.front().end_offset;
        open.recovery_point = snapshots_.back().end_offset;
        open.high_watermark = snapshots_.back().end_offset;
    }
    open.now = loop_.wall_ms();
    CO_TRY(log_, co_await storage::Log::open(shard, std::move(open)));
    const Offset newest = newest_snapshot().end_offset;
    if (log_->end_offset() < newest) co_return co_await log_->truncate_fully_and_start_at(newest);
    if (log_->start_offset() > newest) {
        co_return fail(ErrorCode::corrupt_message,
                       fmt::format("{}: the log begins at {}, and the newest snapshot ends at {}",
                                   options_.directory, log_->start_offset(), newest));
    }
    co_return {};
}

Result<void> QuorumLog::replay_snapshot(const Replay& replay) {
    if (snapshots_.empty()) return {};
    const SnapshotId id = snapshots_.back();
    const std::string name = path(snapshot_file_name(id));
    TRY(const std::string file, disk_.read_file(name, kSnapshotBytesMax));
    auto content = read_snapshot(as_bytes(file), replay.record);
    if (!content) return fail(content.code(), fmt::format("{}: {}", name, content.error().message));
    control_ = std::move(content->control);
    control_.voters_in_log &= id.end_offset > 0;
    return replay.end(id.end_offset - 1, id.epoch, content->last_contained_timestamp);
}

Result<void> QuorumLog::replay_batches(ByteView batches, const Replay& replay) {
    std::vector<uint8_t> scratch;
    auto take = [&](protocol::BatchView batch) -> Result<void> {
        TRY_OK(protocol::for_each_record(
            batch, scratch, [&](const protocol::RecordView& record) -> Result<void> {
                if (batch.is_control()) return take_control_record(record, control_);
                if (!record.value)
                    return fail(ErrorCode::malformed, "a metadata record without a value");
                return replay.record(*record.value);
            }));
        bytes_since_snapshot_ += batch.size_bytes();
        return replay.end(batch.last_offset(), batch.leader_epoch(), batch.max_timestamp());
    };
    TRY_OK(protocol::for_each_batch(batches, take));
    return {};
}

runtime::Task<Result<void>> QuorumLog::replay(const Replay& replay) {
    CO_TRY_OK(replay_snapshot(replay));
    Offset at = std::max(newest_snapshot().end_offset, log_->start_offset());
    while (at < log_->end_offset()) {
        storage::ReadRequest request;
        request.from = at;
        request.upper_bound = log_->end_offset();
        request.max_bytes = kReplayReadBytes;
        request.min_one = true;
        CO_TRY(const storage::ReadResult read, co_await log_->read(request));
        CO_TRY(const std::vector<uint8_t> bytes, co_await gather(read.records));
        CO_TRY_OK(replay_batches(bytes, replay));
        if (read.next_offset <= at)
            co_return fail(
                ErrorCode::corrupt_message,
                fmt::format("{}: nothing can be read at offset {}", options_.directory, at));
        at = read.next_offset;
    }
    co_return {};
}

runtime::Task<Result<void>> QuorumLog::store_quorum_state(QuorumState state) {
    co_return co_await disk_.replace_file(
        path(kQuorumStateName),
        format_quorum_state(state, control_.kraft_version, control_.voters));
}

Result<std::vector<uint8_t>> QuorumLog::leader_batch() {
    const TimestampMs now = loop_.wall_ms();
    protocol::BatchOptions options;
    options.base_offset = end_offset();
    options.leader_epoch = epoch();
    options.control = true;
    protocol::BatchBuilder batch(options);
    append_leader_change(batch, now, options_.node_id, control_.voters);
    if (control_.kraft_version >= 1) {
        const bool moved =
            !options_.endpoints.empty() && control_.voters.front().endpoints != options_.endpoints;
        if (moved) control_.voters.front().endpoints = options_.endpoints;
        if (!control_.voters_in_log) append_kraft_version(batch, now, control_.kraft_version);
        if (moved || !control_.voters_in_log) append_voters(batch, now, control_.voters);
        control_.voters_in_log = true;
    }
    return batch.finish();
}

runtime::Task<Result<void>> QuorumLog::lead() {
    if (control_.kraft_version == 0 && control_.voters.empty())
        control_.voters.push_back({.id = options_.node_id, .endpoints = options_.endpoints});
    CO_TRY(Quorum quorum,
           Quorum::make({options_.node_id, options_.directory_id},
                        {.state = found_state_,
                         .last_log_epoch = std::max(log_->latest_epoch(), newest_snapshot().epoch),
                         .log_end = end_offset(),
                         .kraft_version = control_.kraft_version,
                         .voters = control_.voters}));
    quorum_ = std::move(quorum);
    quorum_->campaign();
    // With one voter the vote decides; one write says both. What is lost when it does not last is
    // only this attempt.
    CO_TRY_OK(co_await store_quorum_state(quorum_->persisted()));
    log_->begin_epoch(epoch());
    CO_TRY(auto batch, leader_batch());
    CO_TRY_OK(append(std::move(batch)));
    LOG_INFO("raft", "leads epoch {} of {} from offset {}", epoch(), kTopic, end_offset());
    co_return {};
}

Result<void> QuorumLog::append(std::vector<uint8_t> batch) {
    if (failed_) return *failed_;
    auto owner = std::make_shared<std::vector<uint8_t>>(std::move(batch));
    storage::LeaderAppend how;
    how.leader_epoch = epoch();
    how.now = loop_.wall_ms();
    how.origin = protocol::AppendOrigin::coordinator;
    auto appended = log_->append_as_leader({.batches = *owner, .owner = owner}, how);
    if (!appended) {
        return fail(appended.error().code,
                    fmt::format("the metadata log took no records: {}", appended.error().detail));
    }
    bytes_since_snapshot_ += owner->size();
    quorum_->appended(end_offset());
    return {};
}

runtime::Task<Result<void>> QuorumLog::sync_to(Offset end) {
    while (high_watermark() < end) {
        if (failed_) co_return *failed_;
        if (syncing_) {
            runtime::Subscriber waiting{loop_};
            waiting.subscribe(synced_);
            co_await waiting.wait();
            continue;
        }
        Syncing syncing(syncing_, synced_);
        const Offset target = quorum_->log_end();
        auto flushed = co_await log_->flush();
        if (!flushed) {
            failed_ = flushed.error();
            LOG_ERROR("raft", "the metadata log could not be synced: {}", failed_->describe());
            co_return *failed_;
        }
        log_->set_high_watermark(target);
        if (quorum_->synced(target) && committed_) committed_(target);
    }
    co_return {};
}

void QuorumLog::on_commit(std::function<void(Offset)> committed) {
    committed_ = std::move(committed);
}

SnapshotWriter::Options QuorumLog::snapshot_options(const SnapshotId& id,
                                                    TimestampMs last_timestamp) const {
    return {.epoch = id.epoch,
            .now = loop_.wall_ms(),
            .last_contained_timestamp = last_timestamp,
            .kraft_version = control_.kraft_version,
            .voters = control_.voters};
}

runtime::Task<Result<void>> QuorumLog::store_snapshot(SnapshotId id, std::string content) {
    INVARIANT(id.end_offset <= high_watermark());
    if (!snapshots_.empty() && id <= snapshots_.back()) co_return {};
    CO_TRY_OK(co_await disk_.replace_file(path(snapshot_file_name(id)), std::move(content)));
    snapshots_.push_back(id);
    last_snapshot_ms_ = loop_.wall_ms();
    bytes_since_snapshot_ = 0;
    LOG_INFO("raft", "wrote the snapshot {}", snapshot_file_name(id));
    co_return co_await drop_old();
}

// Whether the oldest snapshot, and the log before the next one, should go.
Result<bool> QuorumLog::over_retention() {
    if (snapshots_.size() < 2) return false;
    uint64_t bytes = log_->size_bytes();
    for (const SnapshotId& id : snapshots_) {
        TRY(const auto info, disk_.info(path(snapshot_file_name(id))));
        bytes += info.size;
        if (&id != &snapshots_.front() || options_.retention_ms < 0) continue;
        if (loop_.wall_ms() - info.modified_ms > options_.retention_ms) return true;
    }
    return options_.retention_bytes >= 0 && bytes > static_cast<uint64_t>(options_.retention_bytes);
}

runtime::Task<Result<void>> QuorumLog::drop_old() {
    while (true) {
        CO_TRY(const bool over, over_retention());
        if (!over) co_return {};
        const SnapshotId oldest = snapshots_.front();
        CO_TRY_OK(log_->delete_records(snapshots_[1].end_offset, loop_.wall_ms()));
        CO_TRY_OK(disk_.remove(path(snapshot_file_name(oldest))));
        snapshots_.erase(snapshots_.begin());
        LOG_INFO("raft", "dropped the snapshot {}", snapshot_file_name(oldest));
    }
}

runtime::Task<Result<void>> QuorumLog::close() {
    co_return co_await log_->close();
}

}  // namespace millrace::raft
