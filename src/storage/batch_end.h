// Whether a place in a segment file lies between two batches, for those who did not see it grow.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/units.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::storage {

// The offset after the sound batch that ends exactly at `position`; nothing when none does, or
// `position` is 0 or behind the end of the file. Usually reads a few KiB before it; where the batch
// is larger, or there is none, the headers of all batches from the file's beginning on. `file` must
// outlive the task. Errors: the file's.
runtime::Task<Result<std::optional<Offset>>> offset_behind(runtime::File& file, uint64_t position);

}  // namespace millrace::storage
