#include "coordinator/shard.h"

namespace millrace::coordinator {

ErrorCode append_error(ErrorCode error) {
    switch (error) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::not_coordinator:
        case ErrorCode::cancelled:
            return ErrorCode::not_coordinator;
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::request_timed_out:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::no_space:
        case ErrorCode::io_error:
        case ErrorCode::device_failed:
            return ErrorCode::coordinator_not_available;
        case ErrorCode::invalid_producer_epoch:
        case ErrorCode::invalid_txn_state:
            return error;
        default:
            return ErrorCode::unknown_server_error;
    }
}

}  // namespace millrace::coordinator
