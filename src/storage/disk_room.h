// DiskRoom: how much more clients may append below one log directory before its file system has
// only the reserve left.
//
//   total  |------ used ------|------ usable ------|-- reserve --|
//
// The reserve is for what must go on when clients can write no more: the metadata log, group
// offsets, transaction markers, checkpoints, deletions. The file system is asked about once a
// second (look()), and more often the nearer the reserve comes; between that, what was taken is
// subtracted, so that an append costs no system call. Once an append was refused, all are, until
// an eighth of the reserve is free beyond it: no flapping.
//
// Owner: LogManager, one for each log directory. Loop: the shard's.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"
#include "runtime/disk.h"

namespace millrace::storage {

class DiskRoom {
public:
    // `reserve_bytes` -1: a twentieth of the file system, at most 1 GiB.
    DiskRoom(runtime::Disk& disk, std::string path, int64_t reserve_bytes);

    // Takes room for `bytes`; false: there is not so much.
    bool take(uint64_t bytes, TimestampMs now);
    // Asks the file system. On an error what was known stays.
    Result<void> look(TimestampMs now);

    // All 0 before the first look.
    uint64_t total() const { return total_; }
    uint64_t usable() const { return usable_; }
    uint64_t reserve() const { return reserve_; }
    bool full() const { return full_; }
    uint64_t refusals() const { return refusals_; }

private:
    void set_full(bool full);

    runtime::Disk& disk_;
    const std::string path_;
    const int64_t reserve_wanted_;
    uint64_t total_ = 0;
    uint64_t usable_ = 0;
    uint64_t reserve_ = 0;
    uint64_t taken_ = 0;  // since the last look
    TimestampMs looked_ = 0;
    bool full_ = false;
    uint64_t refusals_ = 0;
};

}  // namespace millrace::storage
