#include "storage/producer_state.h"

#include <doctest/doctest.h>

#include "protocol/record_batch_builder.h"

namespace millrace::storage {
namespace {

struct Partition {
    ProducerState state;
    Offset end = 0;

    static std::vector<uint8_t> batch(ProducerId id, ProducerEpoch epoch, int32_t sequence,
                                      bool transactional = true) {
        protocol::BatchBuilder builder({.producer_id = id,
                                        .producer_epoch = epoch,
                                        .base_sequence = sequence,
                                        .transactional = transactional});
        builder.append(1'000, std::nullopt, as_bytes("v"));
        return *builder.finish();
    }
    static std::vector<uint8_t> marker(ProducerId id, ProducerEpoch epoch, bool commit,
                                       int32_t coordinator_epoch) {
        protocol::BatchBuilder builder(
            {.producer_id = id, .producer_epoch = epoch, .transactional = true, .control = true});
        builder.append_control(
            1'000, commit ? protocol::ControlType::commit : protocol::ControlType::abort,
            protocol::encode_end_txn_marker(coordinator_epoch));
        return *builder.finish();
    }
    ErrorCode append(std::vector<uint8_t> bytes, const ProducerState::Append& how) {
        const auto view = protocol::BatchView::parse(bytes);
        const auto found = find_marker(*view);
        REQUIRE(found.has_value());
        const auto verdict = state.check(*view, *found, how);
        if (!verdict || *verdict) return verdict.code();
        auto stamped = protocol::MutableBatchView::parse_frame(bytes);
        stamped->set_base_offset(end++);
        state.apply(*stamped, *found);
        return ErrorCode::none;
    }
    ErrorCode append(ProducerId id, ProducerEpoch epoch, int32_t sequence, uint64_t verification) {
        return append(batch(id, epoch, sequence),
                      {.must_be_verified = true, .verification = verification});
    }
    ErrorCode end_transaction(ProducerId id, ProducerEpoch epoch, int16_t version,
                              int32_t coordinator_epoch = 0) {
        return append(
            marker(id, epoch, true, coordinator_epoch),
            {.origin = protocol::AppendOrigin::coordinator, .transaction_version = version});
    }
    uint64_t verify(ProducerId id, ProducerEpoch epoch, int32_t sequence, bool bumps = false) {
        return state.begin_verification({.producer_id = id,
                                         .epoch = epoch,
                                         .base_sequence = sequence,
                                         .epoch_bumps = bumps,
                                         .now = 1'000});
    }
};

TEST_CASE("a transaction begins only with a verification that holds") {
    Partition p;
    CHECK(p.append(7, 0, 0, 0) == ErrorCode::invalid_txn_state);
    const uint64_t number = p.verify(7, 0, 0);
    CHECK(p.append(7, 0, 0, number + 1) == ErrorCode::invalid_txn_state);
    CHECK_FALSE(p.state.in_transaction(7, 0));
    CHECK(p.append(7, 0, 0, number) == ErrorCode::none);
    CHECK(p.state.in_transaction(7, 0));
    CHECK_FALSE(p.state.in_transaction(7, 1));
    CHECK(p.append(7, 0, 1, 0) == ErrorCode::none);  // it is open: nobody need be asked
    CHECK(p.end_transaction(7, 0, 0) == ErrorCode::none);
    CHECK(p.append(7, 0, 2, 0) == ErrorCode::invalid_txn_state);
}

TEST_CASE("a marker ends what was verified before it") {
    Partition p;
    const uint64_t number = p.verify(7, 0, 0);
    CHECK(p.end_transaction(7, 0, 0) == ErrorCode::none);
    CHECK(p.append(7, 0, 0, number) == ErrorCode::invalid_txn_state);
    CHECK(p.append(7, 0, 0, p.verify(7, 0, 0)) == ErrorCode::none);
}

TEST_CASE("batches that overtake each other while the coordinator is asked") {
    Partition p;
    const uint64_t late = p.verify(7, 0, 1);
    CHECK(p.verify(7, 0, 0) == late);
    CHECK(p.append(7, 0, 1, late) == ErrorCode::out_of_order_sequence_number);
    CHECK(p.append(7, 0, 0, late) == ErrorCode::none);
    CHECK(p.append(7, 0, 1, 0) == ErrorCode::none);
    // With an epoch of its own a transaction begins with sequence 0.
    CHECK(p.append(8, 3, 4, p.verify(8, 3, 4, true)) == ErrorCode::out_of_order_sequence_number);
    CHECK(p.append(8, 3, 0, p.verify(8, 3, 0, true)) == ErrorCode::none);
}

TEST_CASE("from transaction.version 2 on a marker's epoch is above that of the records") {
    Partition p;
    CHECK(p.append(7, 5, 0, p.verify(7, 5, 0)) == ErrorCode::none);
    CHECK(p.end_transaction(7, 4, 0) == ErrorCode::invalid_producer_epoch);
    CHECK(p.end_transaction(7, 5, 2) == ErrorCode::invalid_producer_epoch);
    CHECK(p.state.first_unstable() == 0);
    CHECK(p.end_transaction(7, 6, 2, 3) == ErrorCode::none);
    CHECK(p.end_transaction(7, 6, 2, 3) == ErrorCode::none);  // written again after a restart
    CHECK(p.end_transaction(7, 7, 2, 2) == ErrorCode::transaction_coordinator_fenced);
    p.state.advance_high_watermark(p.end);
    CHECK_FALSE(p.state.first_unstable().has_value());
    CHECK(p.append(7, 5, 1, p.verify(7, 5, 1)) == ErrorCode::invalid_producer_epoch);
    CHECK(p.append(7, 6, 0, p.verify(7, 6, 0)) == ErrorCode::none);
}

TEST_CASE("verifications are forgotten in time") {
    Partition p;
    const uint64_t number = p.verify(7, 0, 0);
    p.state.expire(1'999, 1'000);
    CHECK(p.verify(7, 0, 0) == number);
    p.state.expire(2'000, 1'000);
    CHECK(p.append(7, 0, 0, number) == ErrorCode::invalid_txn_state);
}

}  // namespace
}  // namespace millrace::storage
