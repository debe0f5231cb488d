#include "storage/log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/log_state.h"

namespace millrace::storage {

Log::State::State(Shard& shard_used, LogOpen open)
    : shard(shard_used),
      directory(std::move(open.directory)),
      partition(std::move(open.partition)),
      directory_name(partition_directory_name(partition)),
      config(open.config),
      producer_id_expiration_ms(open.producer_id_expiration_ms),
      new_directory(open.new_directory),
      made_at(shard_used.mark()),
      cleaned_to(open.cleaned_to),
      looked_at(open.now),
      tail(shard.tails()),
      journal(open.journal) {}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

size_t Log::State::segment_index(Offset offset) const {
    const auto above =
        std::ranges::upper_bound(segments, offset, {}, [](const auto& s) { return s->base(); });
    return above == segments.begin() ? 0 : static_cast<size_t>(above - segments.begin()) - 1;
}

Segment* Log::State::find_segment(Offset base) const {
    Segment* segment = segments[segment_index(base)].get();
    return segment->base() == base ? segment : nullptr;
}

Offset Log::State::segment_end(size_t index) const {
    return index + 1 < segments.size() ? segments[index + 1]->base() : end;
}

int64_t Log::State::jitter_ms(Offset base) const {
    const int64_t limit = std::min(config.segment_jitter_ms, config.segment_ms);
    if (limit <= 0) return 0;
    const uint64_t spread = (std::hash<TopicPartition>{}(partition) + static_cast<uint64_t>(base)) *
                            0x9e3779b97f4a7c15ULL;
    return static_cast<int64_t>((spread >> 1) % static_cast<uint64_t>(limit));
}

Log::State::~State() {
    if (journal) journal->forget(*this);
}

Result<void> Log::State::check_usable() const {
    if (!unusable.empty()) return fail(ErrorCode::kafka_storage_error, unusable);
    if (journal && journal->failed()) return *journal->failed();
    return {};
}

Error Log::State::give_up(Error cause) {
    if (unusable.empty()) {
        unusable = fmt::format("{}: {}", directory, cause.describe());
        LOG_ERROR("storage", "{} is out of use: {}", directory, cause.describe());
    }
    return storage_error(std::move(cause));
}

void Log::State::add_segment(Offset base, TimestampMs now) {
    segments.push_back(std::make_unique<Segment>(shard, directory, base, now));
}

Result<void> Log::State::roll(TimestampMs now) {
    if (active().size() == 0) return {};
    TRY_OK(drain());
    TRY_OK(active().finish_indexes());
    TRY_OK(write_snapshot(end));
    active().touch_index();
    add_segment(end, now);
    changed = true;
    rolled = true;
    return {};
}

// The batches must not always go to the segment that is active now.
Result<void> Log::State::roll_if_due(const Write& what) {
    if (!active().must_roll(what.batches.size(), what.last_offset, what.max_timestamp, what.now,
                            config, jitter_ms(active().base())))
        return {};
    if (active().size() > 0) return roll(what.now);
    // An empty segment rolls only when its base is too far below: it is replaced.
    TRY_OK(active().mark_deleted(what.now));
    segments.pop_back();
    add_segment(end, what.now);
    return {};
}

Result<Log::State::Place> Log::State::write(const Write& what) {
    TRY_OK(roll_if_due(what));
    const uint64_t position = active().size();
    Place place{.position = position};
    if (to_journal(what.batches.size(), what.gather)) {
        TRY_OK(journal->admit(what.batches.size()));
        place.group = write_to_journal(what.batches, what.last_offset + 1);
    } else {
        TRY_OK(drain());
        // Even when it fails: until the next sync a loss of power may bring back what was cut off
        // again, in the place of what comes then.
        needs_sync();
        auto written = active().write(what.batches);
        if (written.code() == ErrorCode::io_error) return give_up(std::move(written).error());
        TRY_OK(std::move(written));
    }
    if (progress->flushed >= end) unflushed_since = what.now;
    changed = true;
    if (unsaved_bytes == 0) unsaved_since = what.now;
    last_write = what.now;
    unsaved_bytes += what.batches.size();
    return place;
}

void Log::State::note(protocol::BatchHeaderView batch, uint64_t position,
                      const std::optional<TransactionMarker>& marker, TimestampMs now) {
    active().note(batch, position, config, now);
    if (batch.leader_epoch() > epochs.latest()) {
        epochs.assign(batch.leader_epoch(), batch.base_offset());
        epochs_dirty = true;
    }
    if (const auto ended = producers.apply(batch, marker); ended && ended->abort)
        active().note_abort({ended->producer_id, ended->first_offset, ended->last_offset,
                             producers.stable_after(*ended)});
    end = batch.next_offset();
}

bool Log::State::flush_due(TimestampMs now) const {
    return end - progress->flushed >= config.flush_messages ||
           (end > progress->flushed && now - unflushed_since >= config.flush_ms);
}

Result<AppendResult> Log::State::append_validated(protocol::ValidatedBatch& validated,
                                                  AppendBytes& bytes, const LeaderAppend& how) {
    protocol::MutableBatchView& batch = validated.batch;
    std::optional<TransactionMarker> marker;
    if (batch.is_control()) {
        TRY(marker, find_marker(batch));
    }
    TRY(const auto duplicate, producers.check(batch, marker,
                                              {.origin = how.origin,
                                               .must_be_verified = how.must_be_verified,
                                               .verification = how.verification,
                                               .transaction_version = how.transaction_version}));
    if (duplicate) {
        // Its first time may still be on its way to the disk.
        const Offset last = duplicate->last_offset;
        return AppendResult{.first_offset = duplicate->first_offset,
                            .last_offset = last,
                            .append_time = duplicate->timestamp,
                            .log_start = start,
                            .duplicate = true,
                            .flush_due = promises() && progress->flushed <= last,
                            .group = progress->written <= last ? last_group : nullptr};
    }
    if (how.condition) TRY_OK(judge(*how.condition, batch));
    if (batch.size_bytes() > static_cast<size_t>(config.segment_bytes))
        return fail(ErrorCode::record_list_too_large,
                    fmt::format("a batch of {} bytes does not fit a segment of {}",
                                batch.size_bytes(), config.segment_bytes));
    batch.set_base_offset(end);
    batch.set_leader_epoch(how.leader_epoch);
    AppendResult result{.first_offset = end,
                        .last_offset = batch.last_offset(),
                        .append_time = config.log_append_time ? how.now : -1,
                        .log_start = start};
    TRY(Place place, write({.batches = batch.bytes(),
                            .last_offset = batch.last_offset(),
                            .max_timestamp = batch.max_timestamp(),
                            .now = how.now,
                            .gather = how.gather}));
    note(batch, place.position, marker, how.now);
    result.flush_due = flush_due(how.now);
    result.group = std::move(place.group);
    if (result.group) return result;
    progress->written = end;
    if (validated.rewritten.empty()) {
        tail.add(active().base(), place.position, batch.bytes(), std::move(bytes.owner),
                 bytes.owner_bytes);
    } else {
        auto kept = std::make_shared<const std::vector<uint8_t>>(std::move(validated.rewritten));
        tail.add(active().base(), place.position, batch.bytes(), kept, 0);
    }
    return result;
}

std::expected<AppendResult, protocol::AppendError> Log::append_as_leader(AppendBytes bytes,
                                                                         const LeaderAppend& how) {
    State& s = *state_;
    s.used = true;
    const auto refuse = [](Error error) {
        return std::unexpected(protocol::AppendError{error.code, error.describe(), {}, {}});
    };
    if (auto usable = s.check_usable(); !usable) return refuse(std::move(usable).error());
    const protocol::AppendRules rules{
        .origin = how.origin,
        .produce_version = how.produce_version,
        .batch_bytes_max = static_cast<size_t>(s.config.max_message_bytes),
        .compacted = s.config.cleanup_compact,
        .log_append_time = s.config.log_append_time,
        .now = how.now,
        .timestamp_before_max_ms = s.config.timestamp_before_max_ms,
        .timestamp_after_max_ms = s.config.timestamp_after_max_ms,
        .compression = s.config.compression,
        .levels = s.config.compression_levels};
    auto validated = protocol::validate_for_append(bytes.batches, rules);
    if (!validated) return std::unexpected(std::move(validated).error());
    auto result = s.append_validated(*validated, bytes, how);
    if (!result) return refuse(std::move(result).error());
    return *std::move(result);
}

Result<AppendResult> Log::append_as_follower(AppendBytes bytes, TimestampMs now) {
    State& s = *state_;
    s.used = true;
    TRY_OK(s.check_usable());
    Offset expected = s.end;
    TimestampMs max_timestamp = -1;
    Offset first = -1;
    const auto check = [&](protocol::BatchView batch) -> Result<void> {
        if (!batch.verify_crc()) return fail(ErrorCode::corrupt_message, "wrong CRC");
        TRY_OK(protocol::BatchHeaderView::parse(batch.bytes()));
        if (batch.base_offset() < expected || batch.base_offset() > INT64_MAX - INT32_MAX)
            return fail(ErrorCode::offset_out_of_range,
                        fmt::format("batch at {} after {}", batch.base_offset(), expected));
        if (first < 0) first = batch.base_offset();
        expected = batch.next_offset();
        max_timestamp = std::max(max_timestamp, batch.max_timestamp());
        return {};
    };
    TRY(const size_t whole, protocol::for_each_batch(ByteView{bytes.batches}, check));
    if (first < 0) return fail(ErrorCode::corrupt_message, "no whole batch");
    const ByteView batches = ByteView{bytes.batches}.first(whole);
    TRY(State::Place place, s.write({.batches = batches,
                                     .last_offset = expected - 1,
                                     .max_timestamp = max_timestamp,
                                     .now = now,
                                     .gather = false}));
    uint64_t position = place.position;
    TRY_OK(protocol::for_each_batch(batches, [&](protocol::BatchView batch) {
        // A marker that cannot be read was written by a leader who could: it ends nothing here.
        const auto marker = find_marker(batch);
        s.note(batch, position, marker ? *marker : std::nullopt, now);
        position += batch.size_bytes();
    }));
    if (!place.group) {
        s.progress->written = s.end;
        // Last: the batches may live no longer than their owner, which is given away here.
        s.tail.add(s.active().base(), place.position, batches, std::move(bytes.owner),
                   bytes.owner_bytes);
    }
    return AppendResult{.first_offset = first,
                        .last_offset = s.end - 1,
                        .log_start = s.start,
                        .flush_due = s.flush_due(now),
                        .group = std::move(place.group)};
}

Offset Log::start_offset() const {
    return state_->start;
}
Offset Log::end_offset() const {
    return state_->end;
}
Offset Log::readable_end() const {
    return std::min(state_->progress->written, state_->end);
}
Offset Log::high_watermark() const {
    return state_->high_watermark;
}
Offset Log::recovery_point() const {
    return state_->recovery_point;
}
const TopicPartition& Log::partition() const {
    return state_->partition;
}
const std::string& Log::directory() const {
    return state_->directory;
}
std::optional<Uuid> Log::topic_id() const {
    return state_->topic_id;
}
Result<void> Log::set_topic_id(Uuid id) {
    State& s = *state_;
    TRY_OK(s.check_usable());
    if (s.topic_id == id) return {};
    if (s.topic_id)
        return fail(ErrorCode::inconsistent_topic_id,
                    fmt::format("{} is of topic {}", s.directory, s.topic_id->to_string()));
    const std::string path = join_path(s.directory, kPartitionMetadataName);
    if (auto written = s.shard.disk().write_file(path, format_partition_metadata(id)); !written)
        return storage_error(std::move(written).error());
    // A replay of the journal goes by it: nothing is acked as durable before it is durable itself.
    s.new_directory = true;
    s.topic_id = id;
    return {};
}

const LogConfig& Log::config() const {
    return state_->config;
}
void Log::set_config(const LogConfig& config) {
    const bool was_compacted = std::exchange(state_->config, config).cleanup_compact;
    if (!config.key_index || config.cleanup_compact != was_compacted) state_->drop_keys();
}

Offset Log::last_stable_offset() const {
    const auto unstable = state_->producers.first_unstable();
    if (!unstable || *unstable >= state_->high_watermark) return state_->high_watermark;
    return std::max(*unstable, state_->start);
}

uint64_t Log::size_bytes() const {
    uint64_t bytes = 0;
    for (const auto& segment : state_->segments) bytes += segment->size();
    return bytes;
}

Offset Log::first_file_offset() const {
    return state_->segments.front()->base();
}

void Log::set_high_watermark(Offset offset) {
    State& s = *state_;
    offset = std::clamp(offset, s.start, std::max(s.start, readable_end()));
    if (offset <= s.high_watermark) return;
    s.high_watermark = offset;
    s.producers.advance_high_watermark(offset);
}

void Log::begin_epoch(LeaderEpoch epoch) {
    if (epoch <= state_->epochs.latest()) return;
    state_->epochs.assign(epoch, state_->end);
    state_->epochs_dirty = true;
}
LeaderEpoch Log::latest_epoch() const {
    return state_->epochs.latest();
}
EpochEnd Log::end_of_epoch(LeaderEpoch epoch) const {
    return state_->epochs.end_of(epoch, state_->end);
}
LeaderEpoch Log::epoch_at(Offset offset) const {
    return state_->epochs.epoch_at(offset);
}
bool Log::in_transaction(ProducerId producer, ProducerEpoch epoch) const {
    return state_->producers.in_transaction(producer, epoch);
}
uint64_t Log::begin_verification(const VerificationRequest& request) {
    return state_->producers.begin_verification(request);
}
std::vector<ActiveProducer> Log::producers() const {
    return state_->producers.active();
}

Result<void> Log::roll(TimestampMs now) {
    TRY_OK(state_->check_usable());
    return state_->roll(now);
}

std::optional<Offset> Log::cleaned_to() const {
    return state_->cleaned_to;
}

void Log::expire_producers(TimestampMs now) {
    state_->producers.expire(now, state_->producer_id_expiration_ms);
}

void Log::moved(std::string directory) {
    state_->unusable = fmt::format("{} was removed", state_->directory);
    state_->directory = std::move(directory);
    state_->waiting_bytes = 0;
    if (state_->journal) state_->journal->forget(*state_);
    state_->tail.clear();
}

void Log::renamed(std::string directory) {
    state_->directory = std::move(directory);
}

void Log::take_out_of_use(std::string why) {
    if (state_->unusable.empty()) state_->unusable = std::move(why);
}

bool Log::idle() const {
    return state_->tasks == 0;
}

}  // namespace millrace::storage
