// What a ShareFetcher does with the records of an answer: it keeps them, gives out of each batch what
// was acquired, and disposes of the rest.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "client/share/fetcher.h"

namespace millrace::client {
namespace {

// Takes what lies below `end` off the front of `ranges`.
std::vector<AcquiredRange> cut_below(std::deque<AcquiredRange>& ranges, Offset end) {
    std::vector<AcquiredRange> out;
    while (!ranges.empty() && ranges.front().first < end) {
        AcquiredRange& front = ranges.front();
        if (front.last < end) {
            out.push_back(front);
            ranges.pop_front();
            continue;
        }
        out.push_back({front.first, end - 1, front.delivery_count});
        front.first = end;
    }
    return out;
}

std::vector<DeliveredRecords::Range> plain(std::span<const AcquiredRange> acquired) {
    std::vector<DeliveredRecords::Range> out;
    for (const AcquiredRange& range : acquired) out.push_back({range.first, range.last});
    return out;
}

}  // namespace

void ShareFetcher::take_answer(Node& node, Reply<protocol::ShareFetchResponse>& reply) {
    if (reply->acquisition_lock_timeout_ms > 0)
        lock_timeout_ = std::chrono::milliseconds(reply->acquisition_lock_timeout_ms);
    size_t records = 0;
    size_t bytes = 0;
    for (auto& topic : reply->responses) {
        for (auto& data : topic.partitions) {
            const TopicPartition* place = node.session.find(topic.topic_id, data.partition_index);
            if (place == nullptr) continue;
            records += take_records(node, *place, topic.topic_id, data, reply.frame.owner);
            bytes += data.records.size();
        }
    }
    if (records != 0) stats_.all.fetched(cluster_.loop().now(), records, bytes);
}

size_t ShareFetcher::take_records(Node& node, const TopicPartition& place, const Uuid& topic_id,
                                  protocol::ShareFetchResponse::PartitionData& data,
                                  const std::shared_ptr<const void>& memory) {
    if (const auto code = static_cast<ErrorCode>(data.error_code); code != ErrorCode::none) {
        note_leader(place, data.current_leader.leader_id, data.current_leader.leader_epoch);
        take_failure(place, code);
        return 0;
    }
    if (data.acquired_records.empty()) return 0;
    Chunk chunk{.place = std::make_shared<const TopicPartition>(place),
                .topic_id = topic_id,
                .node = node.id,
                .memory = memory,
                .left = data.records.empty() ? ByteView{} : data.records.parts().front().bytes,
                .acquired = {},
                .locked_until =
                    lock_timeout_.count() > 0 ? cluster_.after(lock_timeout_) : runtime::kNever};
    Offset acquired = 0;
    for (const auto& range : data.acquired_records) {
        if (range.first_offset > range.last_offset) continue;
        chunk.acquired.push_back({range.first_offset, range.last_offset, range.delivery_count});
        acquired += range.last_offset - range.first_offset + 1;
    }
    std::ranges::sort(chunk.acquired, {}, &AcquiredRange::first);
    chunks_.push_back(std::move(chunk));
    return static_cast<size_t>(acquired);
}

Result<std::vector<ShareBatch>> ShareFetcher::take(int32_t records_max,
                                                   DeliveredRecords& delivered) {
    std::vector<ShareBatch> out;
    int64_t records = 0;
    const uint64_t bytes_before = bytes_unpacked_;
    while (!chunks_.empty() && records < records_max) {
        Chunk& chunk = chunks_.front();
        const auto assigned = assignment_.find(*chunk.place);
        if (chunk.locked_until <= cluster_.loop().now()) {
            LOG_WARN("client", "{}-{}: records waited here until their lock ended",
                     chunk.place->topic, chunk.place->partition);
            chunks_.pop_front();
            continue;
        }
        if (assigned == assignment_.end() || assigned->second != chunk.topic_id) {
            dispose(chunk, cut_below(chunk.acquired, INT64_MAX), AcknowledgeType::release);
            chunks_.pop_front();
            continue;
        }
        auto batch = next_batch(chunk, delivered);
        if (!batch) {
            raise(batch.error());
            continue;
        }
        if (!*batch) {
            chunks_.pop_front();
            continue;
        }
        for (const AcquiredRange& range : (*batch)->acquired())
            records += range.last - range.first + 1;
        out.push_back(**std::move(batch));
    }
    // Until it asks again nothing more is locked for this consumer.
    if (!out.empty()) {
        for (const auto& [id, node] : nodes_) node->asked = false;
        stats_.all.given(cluster_.loop().now(), static_cast<uint64_t>(records),
                         bytes_unpacked_ - bytes_before);
    }
    if (out.empty() && !errors_.empty()) {
        Raised raised = std::move(errors_.front());
        errors_.pop_front();
        stats_.for_application.taken(raised.at, cluster_.loop().now());
        return std::move(raised.error);
    }
    return out;
}

Result<std::optional<ShareBatch>> ShareFetcher::next_batch(Chunk& chunk,
                                                           DeliveredRecords& delivered) {
    while (!chunk.left.empty() && !chunk.acquired.empty()) {
        const auto parsed = protocol::BatchView::parse(chunk.left);
        if (!parsed) {
            // Where the next one begins cannot be known: somebody else may fare better.
            chunk.left = {};
            dispose(chunk, cut_below(chunk.acquired, INT64_MAX), AcknowledgeType::release);
            if (parsed.code() == ErrorCode::would_block) break;  // cut
            return fail(parsed.code(),
                        fmt::format("{}-{}: {}", chunk.place->topic, chunk.place->partition,
                                    parsed.error().describe()));
        }
        const protocol::BatchView batch = *parsed;
        chunk.left = chunk.left.subspan(batch.size_bytes());
        dispose(chunk, cut_below(chunk.acquired, batch.base_offset()), AcknowledgeType::gap);
        auto acquired = cut_below(chunk.acquired, batch.next_offset());
        if (acquired.empty()) continue;
        if (batch.is_control()) {
            dispose(chunk, acquired, AcknowledgeType::gap);
            continue;
        }
        auto given = give_out(chunk, batch, acquired, delivered);
        if (given) return std::optional(*std::move(given));
        dispose(chunk, acquired, AcknowledgeType::reject);
        return given.error();
    }
    dispose(chunk, cut_below(chunk.acquired, INT64_MAX), AcknowledgeType::gap);
    return std::optional<ShareBatch>{};
}

Result<ShareBatch> ShareFetcher::give_out(Chunk& chunk, const protocol::BatchView& batch,
                                          std::vector<AcquiredRange> acquired,
                                          DeliveredRecords& delivered) {
    if (config_.check_crcs && !batch.verify_crc())
        return fail(ErrorCode::corrupt_message,
                    fmt::format("{}-{}: the batch at {} does not match its checksum",
                                chunk.place->topic, chunk.place->partition, batch.base_offset()));
    std::shared_ptr<const void> memory = chunk.memory;
    ByteView records = batch.payload();
    if (batch.is_compressed()) {
        auto room = unpacking_.take(chunk.memory);
        TRY(records, batch.record_bytes(*room.bytes));
        memory = std::move(room.owner);
    }
    bytes_unpacked_ += batch.size_bytes();
    const auto ranges = plain(acquired);
    const Offset from = acquired.front().first;
    ShareBatch out(RecordBatch(chunk.place, std::move(memory), batch, records, from),
                   std::move(acquired));
    if (config_.acknowledgement == AcknowledgementMode::implicit_accept) {
        delivered.add(*chunk.place, chunk.topic_id, chunk.node, ranges);
        return out;
    }
    std::vector<Offset> offsets;
    ShareBatch look = out;
    TRY_OK(look.for_each(
        [&](const RecordView& record, int16_t) { offsets.push_back(record.offset); }));
    delivered.add_each(*chunk.place, chunk.topic_id, chunk.node, ranges, offsets);
    return out;
}

void ShareFetcher::dispose(const Chunk& chunk, std::span<const AcquiredRange> acquired,
                           AcknowledgeType type) {
    if (acquired.empty()) return;
    PartitionAcknowledgement part{.place = *chunk.place,
                                  .topic_id = chunk.topic_id,
                                  .node = chunk.node,
                                  .ranges = {},
                                  .deadline = cluster_.after(config_.client.default_api_timeout),
                                  .commit = nullptr};
    for (const AcquiredRange& range : acquired)
        add_range(part.ranges, range.first, range.last, type);
    std::vector<PartitionAcknowledgement> parts;
    parts.push_back(std::move(part));
    acknowledge(std::move(parts));
}

}  // namespace millrace::client
