// What the handlers of the transaction APIs share.
#pragma once

#include "broker/api/handlers.h"
#include "broker/transaction_admission.h"

namespace millrace::broker::api {

// Clients of old versions know being fenced only as a wrong epoch (KIP-588).
inline int16_t fenced_for(ErrorCode error, int16_t version, int16_t first_with_fenced) {
    if (error == ErrorCode::producer_fenced && version < first_with_fenced)
        error = ErrorCode::invalid_producer_epoch;
    return static_cast<int16_t>(error);
}

}  // namespace millrace::broker::api
