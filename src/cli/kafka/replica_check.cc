#include "cli/kafka/replica_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/record_batch.h"

namespace millrace::cli::kafka {
namespace {

// The next batch of each replica; fewer than there are replicas when one has no more, or none that
// is replicated.
Result<std::vector<protocol::BatchView>> next_batches(std::span<const ReplicaPiece> pieces,
                                                      std::span<protocol::BatchReader> readers) {
    std::vector<protocol::BatchView> out;
    for (size_t i = 0; i != pieces.size(); ++i) {
        protocol::BatchView batch;
        TRY(const bool more, readers[i].next(batch));
        if (!more || batch.last_offset() >= pieces[i].high_watermark) break;
        out.push_back(batch);
    }
    return out;
}

}  // namespace

Result<ReplicaCheck> check_replicas(const TopicPartition& place, Offset from,
                                    std::span<const ReplicaPiece> pieces) {
    ReplicaCheck out{.next = from, .complaints = {}, .parted = false};
    std::vector<protocol::BatchReader> readers;
    for (const ReplicaPiece& piece : pieces) readers.emplace_back(piece.batches);
    while (!pieces.empty()) {
        TRY(const auto batches, next_batches(pieces, readers));
        if (batches.size() != pieces.size()) break;
        const protocol::BatchView& first = batches[0];
        for (size_t i = 1; i != batches.size(); ++i) {
            const protocol::BatchView& other = batches[i];
            if (other.last_offset() != first.last_offset()) {
                out.parted = true;
                out.complaints.push_back(fmt::format(
                    "partition {}-{}: replica {}'s offset {} doesn't match replica {}'s offset {}",
                    place.topic, place.partition, pieces[0].replica, first.last_offset(),
                    pieces[i].replica, other.last_offset()));
                return out;
            }
            if (other.crc() != first.crc())
                out.complaints.push_back(
                    fmt::format("partition {}-{} has unmatched checksum at offset {}; replica {}'s "
                                "checksum {}; replica {}'s checksum {}",
                                place.topic, place.partition, first.last_offset(),
                                pieces[0].replica, first.crc(), pieces[i].replica, other.crc()));
        }
        out.next = first.next_offset();
    }
    return out;
}

}  // namespace millrace::cli::kafka
