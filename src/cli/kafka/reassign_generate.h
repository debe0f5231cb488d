// kafka-reassign-partitions --generate.
#pragma once

#include "cli/kafka/reassign_shared.h"

namespace millrace::cli::kafka {

// Prints where the replicas of the topics are, and where they could go.
Result<int> generate_reassignment(const Console& console, Session& session,
                                  const Arguments& arguments);

}  // namespace millrace::cli::kafka
