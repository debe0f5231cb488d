// Standard input as something to await: a terminal, a pipe or a file, read by a thread of the pool,
// so that the loop goes on while nobody types.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/blocking_pool.h"

namespace millrace::runtime {

// At least one byte; 0 at the end. io_error. `into` must live until it returns. A task that is
// destroyed in mid-wait waits for the thread, which waits for input.
Task<Result<size_t>> read_standard_input(BlockingPool& pool, Loop& loop, MutableByteView into);

}  // namespace millrace::runtime
