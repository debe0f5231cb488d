// kafka-reassign-partitions --verify, and what ends a move.
#pragma once

#include "cli/kafka/reassign_shared.h"

namespace millrace::cli::kafka {

// Prints how far the moves of a plan are; lifts the throttles when all have ended.
Result<int> verify_reassignment(const Console& console, Session& session,
                                const Arguments& arguments);
// Of all brokers, and of the plan's topics.
Result<void> clear_throttles(const Console& console, Session& session, const Plan& plan);

}  // namespace millrace::cli::kafka
