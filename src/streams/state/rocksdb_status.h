// What RocksDB says about a call, as the engine's exception.
#pragma once

#include <rocksdb/status.h>

#include "streams/errors.h"

namespace millrace::streams {

// ProcessorStateException unless the status is ok; `what` was tried.
inline void check_rocksdb(const rocksdb::Status& status, std::string_view what) {
    if (!status.ok())
        throw ProcessorStateException(
            fmt::format("{} in the state directory failed: {}", what, status.ToString()));
}

}  // namespace millrace::streams
