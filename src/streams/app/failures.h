// Which failures a thread lives through, by going back to its last commit.
#pragma once

#include "base/result.h"

namespace millrace::streams {

// The engine's exceptions end here: what is thrown becomes an error that nothing mends
// (unknown_server_error).
template <typename F>
Result<void> guarded(F work) {
    try {
        work();
        return {};
    } catch (const std::exception& e) {
        return fail(ErrorCode::unknown_server_error, e.what());
    }
}

// The group or the coordinator of transactions has given the work to somebody else, or takes this
// thread for dead; or the cluster could not be reached. Kafka: TaskMigratedException,
// TaskCorruptedException, TimeoutException.
bool recoverable(ErrorCode code);

}  // namespace millrace::streams
