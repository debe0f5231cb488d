// The machine's own files, for commands that need no node: a loop and a disk, waited for by an
// ordinary thread.
#pragma once

#include <string>
#include <utility>

#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"

namespace millrace::cli {

class LocalDisk {
public:
    runtime::Disk& disk() { return disk_; }
    Rng& rng() { return loop_.rng(); }
    TimestampMs wall_ms() const { return loop_.wall_ms(); }

    template <typename T>
    T wait(runtime::Task<T> task) {
        return loop_.run_for_result(std::move(task));
    }
    // Up to into.size() bytes from `position`; fewer only at the end of the file.
    Result<size_t> read(runtime::File& file, uint64_t position, MutableByteView into) {
        return wait(file.read_at(position, into));
    }
    // The whole file. io_error above `size_max`.
    Result<std::string> read_all(const std::string& path, size_t size_max = size_t{1} << 30) {
        return disk_.read_file(path, size_max);
    }

private:
    runtime::LinuxLoop loop_;
    runtime::BlockingPool pool_;
    runtime::LinuxDisk disk_{pool_};
};

}  // namespace millrace::cli
