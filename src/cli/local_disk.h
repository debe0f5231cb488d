// The machine's own files, for commands that need no node.
#pragma once

#include <string>
#include <utility>

#include "runtime/machine.h"

namespace millrace::cli {

class LocalDisk {
public:
    runtime::Disk& disk() { return machine_.context().disk; }
    Rng& rng() { return machine_.loop().rng(); }
    TimestampMs wall_ms() const { return machine_.loop().wall_ms(); }

    template <typename T>
    T wait(runtime::Task<T> task) {
        return machine_.wait(std::move(task));
    }
    // Up to into.size() bytes from `position`; fewer only at the end of the file.
    Result<size_t> read(runtime::File& file, uint64_t position, MutableByteView into) {
        return wait(file.read_at(position, into));
    }
    // The whole file. io_error above `size_max`.
    Result<std::string> read_all(const std::string& path, size_t size_max = size_t{1} << 30) {
        return disk().read_file(path, size_max);
    }

private:
    runtime::Machine machine_;
};

}  // namespace millrace::cli
