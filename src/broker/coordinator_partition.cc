#include "broker/coordinator_partition.h"

#include "broker/transaction_marker.h"
#include "protocol/record_batch.h"
#include "protocol/record_batch_builder.h"
#include "storage/producer_state.h"

namespace millrace::broker {
namespace {

// Read at once while replaying: large enough that a cold disk streams, small enough to not matter.
constexpr uint64_t kReplayBytes = 1u << 20;

// The whole chain in one piece of memory; what lies in files is read.
runtime::Task<Result<std::vector<uint8_t>>> to_memory(const Chain& chain) {
    std::vector<uint8_t> bytes(chain.size());
    size_t at = 0;
    for (const ChainPart& part : chain.parts()) {
        const MutableByteView into{bytes.data() + at, part.size()};
        if (part.file) {
            auto& file = *static_cast<runtime::File*>(part.file.get());
            CO_TRY(const size_t got, co_await file.read_at(part.position, into));
            if (got != into.size())
                co_return fail(ErrorCode::kafka_storage_error, "a segment ended early");
        } else {
            std::memcpy(into.data(), part.bytes.data(), into.size());
        }
        at += into.size();
    }
    co_return bytes;
}

// One batch of the log to the visitor.
Result<void> visit(protocol::BatchView batch, std::vector<uint8_t>& scratch,
                   coordinator::CoordinatorLog::Visitor& visitor) {
    if (batch.is_control()) {
        TRY(const auto marker, storage::find_marker(batch));
        if (!marker) return {};
        return visitor.marker({.producer_id = batch.producer_id(),
                               .producer_epoch = batch.producer_epoch(),
                               .coordinator_epoch = marker->coordinator_epoch,
                               .commit = !marker->abort,
                               .offset = batch.base_offset()});
    }
    return protocol::for_each_record(
        batch, scratch, [&](const protocol::RecordView& record) -> Result<void> {
            return visitor.record(
                {.offset = record.offset,
                 .key = record.key.value_or(ByteView{}),
                 .value = record.value,
                 .producer_id = batch.is_transactional() ? batch.producer_id() : -1});
        });
}

}  // namespace

runtime::Task<Result<Offset>> CoordinatorPartition::append(
    std::span<const coordinator::Record> records,
    const std::optional<coordinator::TransactionalWriter>& writer) {
    const TimestampMs now = loop_.wall_ms();
    protocol::BatchOptions options;
    storage::LeaderAppend how{.leader_epoch = partition_->leader_epoch(),
                              .now = now,
                              .origin = protocol::AppendOrigin::coordinator};
    if (writer) {
        options.producer_id = writer->producer_id;
        options.producer_epoch = writer->producer_epoch;
        options.transactional = true;
        how.must_be_verified = writer->must_be_verified;
        how.verification = writer->verification;
    }
    protocol::BatchBuilder builder(options);
    for (const coordinator::Record& record : records)
        builder.append(now, record.key,
                       record.value ? std::optional<ByteView>{*record.value} : std::nullopt);
    CO_TRY(std::vector<uint8_t> batch, builder.finish());
    while (partition_->paused()) co_await partition_->until_resumed(loop_);
    if (partition_->gone()) co_return fail(ErrorCode::not_leader_or_follower);
    storage::Log& log = partition_->log();
    const auto appended = log.append_as_leader({.batches = batch}, how);
    if (!appended) co_return fail(appended.error().code, appended.error().detail);
    CO_TRY_OK(co_await log.commit(*appended));
    partition_->advance();
    co_return appended->first_offset;
}

runtime::Task<Result<Offset>> CoordinatorPartition::append_marker(
    const coordinator::Marker& marker) {
    co_return co_await broker::append_marker(loop_, partition_, marker);
}

runtime::Task<Result<void>> CoordinatorPartition::replay(Visitor& visitor) {
    std::vector<uint8_t> scratch;
    for (Offset next = partition_->log().start_offset();
         next < partition_->log().high_watermark();) {
        storage::Log& log = partition_->log();
        auto got = co_await log.read({.from = next,
                                      .upper_bound = log.high_watermark(),
                                      .max_bytes = kReplayBytes,
                                      .min_one = true});
        // It may have moved to another directory meanwhile.
        if (!got && &partition_->log() != &log) continue;
        CO_TRY(const auto read, std::move(got));
        CO_TRY(const auto bytes, co_await to_memory(read.records));
        const auto replayed = protocol::for_each_batch(
            bytes, [&](protocol::BatchView batch) { return visit(batch, scratch, visitor); });
        CO_TRY_OK(replayed);
        if (read.next_offset <= next) break;
        next = read.next_offset;
    }
    co_return {};
}

}  // namespace millrace::broker
