#include "broker/transaction_marker.h"

#include "protocol/record_batch_builder.h"

namespace millrace::broker {

runtime::Task<Result<Offset>> append_marker(runtime::Loop& loop, PartitionPtr partition,
                                            coordinator::Marker marker) {
    const TimestampMs now = loop.wall_ms();
    protocol::BatchBuilder builder({.producer_id = marker.producer_id,
                                    .producer_epoch = marker.producer_epoch,
                                    .transactional = true,
                                    .control = true});
    builder.append_control(
        now, marker.commit ? protocol::ControlType::commit : protocol::ControlType::abort,
        protocol::encode_end_txn_marker(marker.coordinator_epoch));
    CO_TRY(std::vector<uint8_t> batch, builder.finish());
    while (partition->paused()) co_await partition->until_resumed(loop);
    if (partition->gone()) co_return fail(ErrorCode::unknown_topic_or_partition);
    const auto appended = partition->log().append_as_leader(
        {.batches = batch}, {.leader_epoch = partition->leader_epoch(),
                             .now = now,
                             .origin = protocol::AppendOrigin::coordinator,
                             .transaction_version = marker.transaction_version});
    if (!appended) co_return fail(appended.error().code, appended.error().detail);
    CO_TRY_OK(co_await partition->log().commit(*appended));
    partition->advance();
    co_return appended->first_offset;
}

}  // namespace millrace::broker
