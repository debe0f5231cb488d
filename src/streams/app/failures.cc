#include "streams/app/failures.h"

#include "client/cluster.h"

namespace millrace::streams {

bool recoverable(ErrorCode code) {
    switch (code) {
        // Of the group.
        case ErrorCode::illegal_generation:
        case ErrorCode::unknown_member_id:
        case ErrorCode::rebalance_in_progress:
        case ErrorCode::fenced_member_epoch:
        case ErrorCode::stale_member_epoch:
        case ErrorCode::unstable_offset_commit:
        // Of the producer and its transaction.
        case ErrorCode::producer_fenced:
        case ErrorCode::invalid_producer_epoch:
        case ErrorCode::invalid_producer_id_mapping:
        case ErrorCode::unknown_producer_id:
        case ErrorCode::out_of_order_sequence_number:
        case ErrorCode::invalid_txn_state:
        case ErrorCode::concurrent_transactions:
        case ErrorCode::transaction_abortable:
            return true;
        default:
            return error_retriable(code) || client::Cluster::network_error(code);
    }
}

}  // namespace millrace::streams
