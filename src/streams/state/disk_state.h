// The state of an instance on disk: <state.dir>/<application.id>/<task>/rocksdb.
#pragma once

#include <filesystem>
#include <memory>

#include "streams/state/state_directory.h"
#include "streams/state/task_database.h"

namespace millrace::streams {

// `memory_bytes`: what blocks read and rows not yet written may take in all. May be used by several
// threads.
std::unique_ptr<StateDirectory> make_disk_state(std::filesystem::path root, size_t memory_bytes);
// Nothing survives.
std::unique_ptr<StateDirectory> make_memory_state();

}  // namespace millrace::streams
