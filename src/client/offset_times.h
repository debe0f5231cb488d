// Timestamps that ListOffsets takes for a place instead of a time.
#pragma once

#include "base/units.h"

namespace millrace::client {

constexpr TimestampMs kLatest = -1;
constexpr TimestampMs kEarliest = -2;
constexpr TimestampMs kMaxTimestamp = -3;   // of the record with the largest timestamp
constexpr TimestampMs kEarliestLocal = -4;  // tiered storage: of what is on the broker's disk
constexpr TimestampMs kLatestTiered = -5;
constexpr TimestampMs kEarliestPendingUpload = -6;

}  // namespace millrace::client
