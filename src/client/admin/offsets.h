// Where partitions begin and end.
#pragma once

#include "base/units.h"
#include "client/admin/outcome.h"

namespace millrace::client {

// An offset asked for, and what was found; offset -1: nothing there.
struct FoundOffset {
    Offset offset = -1;
    TimestampMs timestamp = -1;
    LeaderEpoch leader_epoch = -1;
    Error error{ErrorCode::none, {}};
};

struct DeletedRecords {
    Offset low_watermark = -1;
    Error error{ErrorCode::none, {}};
};

}  // namespace millrace::client
