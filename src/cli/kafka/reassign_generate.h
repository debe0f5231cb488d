// kafka-reassign-partitions --generate, and what it has in common with the other actions.
#pragma once

#include "cli/cluster/session.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/joptsimple.h"
#include "cli/kafka/refused.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

// What an error of the cluster looks like, as an exception inside another.
inline Error thrown(const Error& error) {
    return fail(error.code, java_exception(error));
}
// The file that an option names.
Result<std::string> read_argument_file(const Arguments& arguments, std::string_view option);

// Prints where the replicas of the topics are, and where they could go.
Result<int> generate_reassignment(const Console& console, Session& session,
                                  const Arguments& arguments);

}  // namespace millrace::cli::kafka
