// The index of a log's keys while it is in use: log_keys.cc has the Tasks around it. Nothing outside
// the log includes this.
#pragma once

#include "runtime/event.h"
#include "storage/key_index.h"

namespace millrace::storage {

struct LogKeys {
    explicit LogKeys(KeySeed seed) : index(seed) {}

    KeyIndex index;
    bool loaded = false;  // the snapshot was read, or there is none
    // Held by who reads the log into the index, or writes the index to its file.
    runtime::AsyncMutex work;
    uint64_t bytes_since_saved = 0;  // of the log, read into the index
    size_t keys_when_pruned = 0;
    Offset pruned_to = 0;
};

}  // namespace millrace::storage
