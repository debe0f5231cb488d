#include "client/fetcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "client/backoff.h"
#include "protocol/control_record.h"

namespace millrace::client {
namespace {

// While a partition's buffer is full the broker is not asked to wait longer than this for others,
// so that the partition is not kept waiting when there is room again.
constexpr std::chrono::milliseconds kWaitWhileFull{20};
// How often topics are marked as used, so that the metadata keeps them.
constexpr std::chrono::seconds kTouchEvery{60};

bool leader_moved(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::replica_not_available:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_leader_epoch:
        case ErrorCode::offset_not_available:
        case ErrorCode::leader_not_available:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::inconsistent_topic_id:
            return true;
        default:
            return false;
    }
}

}  // namespace

Fetcher::Fetcher(Cluster& cluster, const ConsumerConfig& config, PartitionTable& table)
    : cluster_(cluster), config_(config), table_(table), tasks_(cluster.loop()) {
    tasks_.spawn(watch());
}

// Keeps what partitions know of their leaders, and a task for each broker that leads one.
runtime::Task<void> Fetcher::watch() {
    runtime::Loop& loop = cluster_.loop();
    runtime::Subscriber waiting{loop};
    waiting.subscribe(table_.changed);
    waiting.subscribe(cluster_.metadata_changed());
    for (;;) {
        look_at_metadata();
        co_await waiting.wait_until(loop.now() + kTouchEvery);
    }
}

void Fetcher::look_at_metadata() {
    bool changed = false;
    for (const auto& [place, p] : table_.all()) {
        const TopicPtr topic = cluster_.find_topic(place.topic);
        const auto index = static_cast<size_t>(place.partition);
        if (!topic || index >= topic->partitions.size()) continue;
        const PartitionInfo& info = topic->partitions[index];
        if (p->topic_id == topic->id && p->leader == info.leader &&
            p->leader_epoch == info.leader_epoch)
            continue;
        changed = true;
        p->topic_id = topic->id;
        const bool newer = p->leader_epoch >= 0 && info.leader_epoch > p->leader_epoch;
        p->leader = info.leader;
        p->leader_epoch = info.leader_epoch;
        // With a new leader the log may have been cut (KIP-320): below the position, or below what
        // was fetched ahead or is on its way.
        if (newer && (p->need == PartitionState::Need::nothing ||
                      p->need == PartitionState::Need::validation))
            table_.jump(*p, p->position);
    }
    if (changed) table_.changed.notify();
    for (const auto& [place, p] : table_.all()) {
        const NodeId source = source_of(*p);
        if (source >= 0 && fetching_.insert(source).second) tasks_.spawn(fetch_from(source));
    }
}

NodeId Fetcher::source_of(PartitionState& p) const {
    if (p.preferred < 0) return p.leader;
    if (p.preferred_until > cluster_.loop().now() &&
        cluster_.metadata().brokers().contains(p.preferred))
        return p.preferred;
    p.preferred = -1;
    return p.leader;
}

std::vector<PartitionPtr> Fetcher::fetchable_at(NodeId node, bool& some_full,
                                                runtime::TimePoint& next) {
    std::vector<PartitionPtr> out;
    const runtime::TimePoint now = cluster_.loop().now();
    if (table_.buffered_bytes() > static_cast<uint64_t>(config_.prefetch_bytes)) return out;
    for (const auto& [place, p] : table_.all()) {
        if (!p->fetchable() || source_of(*p) != node) continue;
        if (p->retry_at > now) {
            next = std::min(next, p->retry_at);
        } else if (p->buffered_bytes > static_cast<uint64_t>(config_.max_partition_fetch_bytes)) {
            some_full = true;
        } else {
            out.push_back(p);
        }
    }
    return out;
}

runtime::Task<void> Fetcher::fetch_from(NodeId node) {
    runtime::Loop& loop = cluster_.loop();
    FetchSession session;
    int failures = 0;
    runtime::Subscriber waiting{loop};
    waiting.subscribe(table_.changed);
    waiting.subscribe(table_.drained);
    for (;;) {
        bool some_full = false;
        runtime::TimePoint next = runtime::kNever;
        auto wanted = fetchable_at(node, some_full, next);
        if (wanted.empty()) {
            // A time that has just come would not suspend.
            if (next <= loop.now()) next = loop.now() + std::chrono::milliseconds(1);
            co_await waiting.wait_until(next);
            continue;
        }
        if (co_await fetch_once(node, session, std::move(wanted), some_full)) {
            failures = 0;
            continue;
        }
        session.forget();
        const auto pause = backoff(config_.client.retry_backoff, config_.client.retry_backoff_max,
                                   failures++, loop.rng());
        co_await loop.sleep_for(pause);
    }
}

// What there is room for, and so much that one partition is not kept from its share.
int32_t Fetcher::answer_bytes_max() const {
    const int64_t room = config_.prefetch_bytes - static_cast<int64_t>(table_.buffered_bytes());
    return static_cast<int32_t>(std::min<int64_t>(
        config_.fetch_max_bytes, std::max<int64_t>(room, config_.max_partition_fetch_bytes)));
}

runtime::Task<bool> Fetcher::fetch_once(NodeId node, FetchSession& session,
                                        std::vector<PartitionPtr> wanted, bool some_full) {
    constexpr int16_t kLastVersionWithNames = 12;
    const auto wait =
        some_full ? std::min(config_.fetch_max_wait, kWaitWhileFull) : config_.fetch_max_wait;
    protocol::FetchRequest request;
    request.max_wait_ms = static_cast<int32_t>(wait.count());
    request.min_bytes = config_.fetch_min_bytes;
    request.max_bytes = answer_bytes_max();
    request.isolation_level = static_cast<int8_t>(config_.isolation);
    request.rack_id = protocol::Str::borrow(config_.client_rack);
    session.name(request, wanted, config_.max_partition_fetch_bytes);
    std::map<PartitionState*, uint64_t> asked;
    bool ids = true;
    for (const PartitionPtr& p : wanted) {
        asked.emplace(p.get(), p->version);
        ids = ids && !p->topic_id.is_zero();
    }
    const auto began = cluster_.loop().now();
    auto got =
        co_await cluster_.call(node, request, cluster_.after(config_.client.request_timeout + wait),
                               ids ? INT16_MAX : kLastVersionWithNames, Lane::fetches);
    if (!got) co_return false;
    Reply<protocol::FetchResponse>& reply = *got;
    stats_.answered(began, cluster_.loop().now(), reply->throttle_time_ms);
    const auto code = static_cast<ErrorCode>(reply->error_code);
    if (code != ErrorCode::none) {
        session.forget();
        if (code == ErrorCode::unknown_topic_id || code == ErrorCode::inconsistent_topic_id)
            cluster_.request_update();
        // The session is made anew at once.
        co_return code == ErrorCode::fetch_session_id_not_found ||
            code == ErrorCode::invalid_fetch_session_epoch;
    }
    session.answered(reply->session_id);
    take_answer(session, asked, reply, node);
    co_return true;
}

void Fetcher::take_answer(const FetchSession& session,
                          const std::map<PartitionState*, uint64_t>& asked,
                          Reply<protocol::FetchResponse>& reply, NodeId node) {
    std::map<std::string_view, Fetched> topics;
    for (auto& topic : reply->responses) {
        for (auto& data : topic.partitions) {
            const PartitionPtr p = session.find(topic.topic_id, topic.topic, data.partition_index);
            if (!p) continue;
            const auto version = asked.find(p.get());
            // It has jumped, or was given back, since the question.
            if (version == asked.end() || version->second != p->version || !p->assigned) continue;
            const Fetched got = take_partition(p, data, reply.frame.owner, node);
            Fetched& of_topic = topics[p->place.topic];
            of_topic.records += got.records;
            of_topic.bytes += got.bytes;
        }
    }
    count_fetched(topics);
}

void Fetcher::count_fetched(const std::map<std::string_view, Fetched>& topics) {
    const auto now = cluster_.loop().now();
    Fetched all;
    for (const auto& [topic, got] : topics) {
        if (got.bytes == 0) continue;
        auto counts = stats_.topics.find(topic);
        if (counts == stats_.topics.end())
            counts = stats_.topics.emplace(topic, FetchCounts{}).first;
        counts->second.fetched(now, got.records, got.bytes);
        all.records += got.records;
        all.bytes += got.bytes;
    }
    if (all.bytes != 0) stats_.all.fetched(now, all.records, all.bytes);
}

Fetcher::Fetched Fetcher::take_partition(const PartitionPtr& p,
                                         protocol::FetchResponse::PartitionData& data,
                                         const std::shared_ptr<const void>& memory, NodeId node) {
    const auto code = static_cast<ErrorCode>(data.error_code);
    if (data.current_leader.leader_id >= 0 && data.current_leader.leader_epoch > p->leader_epoch)
        cluster_.move_leader(p->place, data.current_leader.leader_id,
                             data.current_leader.leader_epoch);
    if (code != ErrorCode::none) {
        take_failure(*p, code, node);
        return {};
    }
    p->high_watermark = data.high_watermark;
    p->last_stable = data.last_stable_offset;
    if (data.log_start_offset >= 0) p->log_start = data.log_start_offset;
    if (data.preferred_read_replica >= 0 && data.preferred_read_replica != node) {
        if (!cluster_.metadata().brokers().contains(data.preferred_read_replica)) {
            // A broker that we do not know yet; the leader gives nothing until we ask there.
            p->retry_at = cluster_.after(config_.client.retry_backoff);
            cluster_.request_update();
            return {};
        }
        p->preferred = data.preferred_read_replica;
        p->preferred_until = cluster_.after(config_.client.metadata_max_age);
        table_.changed.notify();
    }
    if (!data.records || data.records->empty()) return {};
    const ByteView bytes = data.records->parts().front().bytes;
    // Only whole batches: the last may be cut where the answer was full.
    protocol::BatchReader reader(bytes);
    protocol::BatchView batch;
    Offset end = p->fetch_offset;
    Fetched got;
    for (;;) {
        const auto more = reader.next(batch);
        // What is damaged is for take() to say.
        if (!more || !*more) break;
        end = std::max(end, batch.next_offset());
        got.records += static_cast<size_t>(batch.record_count());
        got.bytes += batch.size_bytes();
    }
    if (end == p->fetch_offset && reader.position() == bytes.size()) return {};
    FetchedChunk chunk{.memory = memory, .left = bytes, .aborted = {}, .aborting = {}};
    if (data.aborted_transactions) {
        for (const auto& range : *data.aborted_transactions)
            chunk.aborted.push_back({range.producer_id, range.first_offset});
        std::ranges::sort(chunk.aborted, std::ranges::greater{}, &AbortedRange::first);
    }
    p->fetch_offset = end;
    table_.add(p, std::move(chunk));
    return got;
}

void Fetcher::take_failure(PartitionState& p, ErrorCode code, NodeId node) {
    p.retry_at = cluster_.after(config_.client.retry_backoff);
    if (code == ErrorCode::offset_out_of_range && node == p.preferred) {
        p.preferred = -1;  // a follower may be behind: the leader knows
        return;
    }
    p.preferred = -1;
    if (leader_moved(code)) {
        cluster_.request_update();
    } else if (code == ErrorCode::offset_out_of_range) {
        // What is buffered is good; the position to find is the one behind it.
        if (!p.chunks.empty()) return;
        if (config_.offset_reset.kind == OffsetReset::Kind::none)
            table_.raise(
                fail(code, fmt::format("{}-{}: position {} is not in the log", p.place.topic,
                                       p.place.partition, p.position.offset)));
        else
            table_.lose(p, PartitionState::Need::reset);
    } else if (code == ErrorCode::unknown_server_error) {
        LOG_WARN("client", "{}-{}: the broker could not say why it did not give records",
                 p.place.topic, p.place.partition);
    } else {
        table_.raise(fail(code, fmt::format("{}-{}", p.place.topic, p.place.partition)));
    }
}

// Giving out

Result<std::vector<RecordBatch>> Fetcher::take(int32_t records_max) {
    std::vector<RecordBatch> out;
    int64_t records = 0;
    auto& ready = table_.ready();
    PartitionPtr giving;  // and what there was before it
    int64_t records_before = 0;
    uint64_t bytes_before = 0;
    const auto count = [&] {
        if (giving)
            count_given(*giving, static_cast<uint64_t>(records - records_before),
                        bytes_unpacked_ - bytes_before);
        records_before = records;
        bytes_before = bytes_unpacked_;
    };
    for (size_t looks = ready.size(); looks > 0 && records < records_max;) {
        const PartitionPtr p = ready.front();
        const bool held = p->paused || p->leaving || p->need != PartitionState::Need::nothing;
        if (held || !p->has_records()) {
            ready.pop_front();
            if (held && p->has_records())
                ready.push_back(p);
            else
                p->in_ready = false;
            --looks;
            continue;
        }
        if (giving != p) {
            count();
            giving = p;
        }
        auto batch = next_batch(p, static_cast<int32_t>(records_max - records));
        if (!batch) {
            if (!out.empty()) break;  // said by the next call
            ready.pop_front();
            ready.push_back(p);
            return batch.error();
        }
        if (!*batch) continue;
        records += (*batch)->count_max();
        out.push_back(**std::move(batch));
    }
    count();
    return out;
}

void Fetcher::count_given(PartitionState& p, uint64_t records, uint64_t bytes) {
    if (records == 0) return;
    const auto now = cluster_.loop().now();
    stats_.all.given(now, records, bytes);
    if (const auto counts = stats_.topics.find(p.place.topic); counts != stats_.topics.end())
        counts->second.given(now, records, bytes);
    const Offset end =
        config_.isolation == IsolationLevel::read_committed ? p.last_stable : p.high_watermark;
    p.lag.record(now, static_cast<double>(std::max<Offset>(0, end - p.position.offset)));
    if (p.log_start >= 0) p.lead.record(now, static_cast<double>(p.position.offset - p.log_start));
}

Result<std::optional<RecordBatch>> Fetcher::next_batch(const PartitionPtr& p, int32_t records_max) {
    auto batch = p->rest ? std::exchange(p->rest, std::nullopt) : std::optional<RecordBatch>{};
    if (!batch) {
        TRY(batch, unpack_batch(p));
        if (!batch) return batch;
    }
    if (batch->count_max() > records_max) {
        // What cannot be decoded the application will find itself.
        if (auto rest = batch->cut(records_max)) p->rest = *std::move(rest);
    }
    p->position = {batch->next_offset(), batch->leader_epoch()};
    return batch;
}

Result<std::optional<RecordBatch>> Fetcher::unpack_batch(const PartitionPtr& p) {
    FetchedChunk& chunk = p->chunks.front();
    while (!chunk.left.empty()) {
        auto parsed = protocol::BatchView::parse(chunk.left);
        if (parsed.code() == ErrorCode::would_block) break;  // cut
        if (!parsed)
            return fail(parsed.code(),
                        fmt::format("{}-{} at {}: {}", p->place.topic, p->place.partition,
                                    p->position.offset, parsed.error().describe()));
        const protocol::BatchView batch = *parsed;
        if (batch.next_offset() > p->position.offset) {
            TRY(const bool wanted, visible(chunk, batch));
            if (config_.check_crcs && !batch.verify_crc())
                return fail(ErrorCode::corrupt_message,
                            fmt::format("{}-{}: the batch at {} does not match its checksum",
                                        p->place.topic, p->place.partition, batch.base_offset()));
            if (wanted) {
                std::shared_ptr<const void> memory = chunk.memory;
                ByteView records = batch.payload();
                if (batch.is_compressed()) {
                    // The header is read from what was received: both stay.
                    auto room = unpacking_.take(chunk.memory);
                    TRY(records, batch.record_bytes(*room.bytes));
                    memory = std::move(room.owner);
                }
                RecordBatch out(p->shared_place, std::move(memory), batch, records,
                                p->position.offset);
                chunk.left = chunk.left.subspan(batch.size_bytes());
                table_.consumed(*p, batch.size_bytes());
                bytes_unpacked_ += batch.size_bytes();
                return std::optional(std::move(out));
            }
            p->position = {batch.next_offset(), batch.leader_epoch()};
        }
        chunk.left = chunk.left.subspan(batch.size_bytes());
        table_.consumed(*p, batch.size_bytes());
    }
    const size_t rest = chunk.left.size();
    p->chunks.pop_front();
    table_.consumed(*p, rest);
    return std::optional<RecordBatch>{};
}

Result<bool> Fetcher::visible(FetchedChunk& chunk, const protocol::BatchView& batch) {
    if (config_.isolation == IsolationLevel::read_committed && batch.has_producer_id()) {
        while (!chunk.aborted.empty() && chunk.aborted.back().first <= batch.last_offset()) {
            chunk.aborting.insert(chunk.aborted.back().producer);
            chunk.aborted.pop_back();
        }
        if (batch.is_control()) {
            std::vector<uint8_t> scratch;
            TRY(auto reader, batch.records(scratch));
            protocol::RecordView marker;
            TRY(const bool any, reader.next(marker));
            if (any && marker.key) {
                TRY(const auto type, protocol::decode_control_key(*marker.key));
                if (type == protocol::ControlType::abort) chunk.aborting.erase(batch.producer_id());
            }
        } else if (batch.is_transactional() && chunk.aborting.contains(batch.producer_id())) {
            return false;
        }
    }
    return !batch.is_control();
}

}  // namespace millrace::client
