// Files, as the rooms above see them: on Linux (linux_disk.h) and in the simulator
// (sim/sim_disk.h).
//
// Calls that only touch the page cache or directory entries are plain functions; what can wait for
// a device is a Task, and runs on a pool thread, never on the shard. Paths are absolute or relative
// to the process; the simulator keeps a tree for each node.
//
// Errors: not_found, already_exists, no_space, device_failed (the device or its file system:
// unreadable, read-only, gone), io_error (all else); the message names the call and the path.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"
#include "runtime/task.h"

namespace millrace::runtime {

class File {
public:
    virtual ~File() = default;

    // Writes all parts one after the other from `position` on, to the page cache. After an error
    // what lies there is unknown.
    virtual Result<void> write_at(uint64_t position, std::span<const ByteView> parts) = 0;
    // Reads up to into.size() bytes; fewer only at the end of the file. would_block when the bytes
    // are not in memory.
    virtual Result<size_t> read_at_now(uint64_t position, MutableByteView into) = 0;
    // The same, waiting for the device if it must.
    virtual Task<Result<size_t>> read_at(uint64_t position, MutableByteView into) = 0;
    // On success all earlier writes survive loss of power.
    virtual Task<Result<void>> sync() = 0;
    // Writes zeros and syncs them, away from the shard: what is written over them later is synced
    // sooner than what makes a file grow. At most kZerosMax at a time.
    static constexpr size_t kZerosMax = 1 << 20;
    virtual Task<Result<void>> write_zeros(uint64_t position, size_t bytes) {
        INVARIANT(bytes <= kZerosMax);
        const std::vector<uint8_t> zeros(bytes);
        const ByteView part{zeros};
        CO_TRY_OK(write_at(position, {&part, 1}));
        co_return co_await sync();
    }
    virtual Result<void> truncate(uint64_t size) = 0;
    // Reserves room on the device for [0, size) without changing the file's size; a hint where it
    // is not supported.
    virtual Result<void> reserve(uint64_t size) = 0;
    virtual Result<uint64_t> size() = 0;
};

enum class OpenMode : uint8_t {
    read,
    write,
    create
};  // write: must exist, read and write; create: made when missing

struct DirEntry {
    std::string name;
    bool is_directory;
};

struct FileInfo {
    uint64_t size;
    int64_t modified_ms;  // wall clock
    bool is_directory;
};

struct DiskSpace {
    uint64_t total;
    uint64_t free;  // what this process may still use
};

// Told of each call that failed with device_failed, on the loop that made the call, before its caller is.
class DeviceObserver {
public:
    virtual ~DeviceObserver() = default;
    virtual void device_failed(const std::string& path, const Error& error) = 0;
};

class Disk {
public:
    virtual ~Disk() = default;

    // At most one; null: nobody. It must outlive the calls that are under way.
    void observe_devices(DeviceObserver* observer) { observer_ = observer; }

    virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
    virtual Result<std::vector<DirEntry>> list(const std::string& directory) = 0;
    virtual Result<FileInfo> info(const std::string& path) = 0;
    virtual Result<void> make_directories(const std::string& path) = 0;
    // Replaces `to` when it is a file.
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;  // a file or an empty directory
    // A whole tree; success when it is not there. Large files take the system long to free.
    virtual Task<Result<void>> remove_all(std::string path) = 0;
    // The time that info() gives as modified_ms.
    virtual Result<void> set_modified(const std::string& path, int64_t modified_ms) = 0;
    virtual Task<Result<void>> sync_directory(const std::string& path) = 0;
    // Of the file system that holds `path`.
    virtual Result<DiskSpace> space(const std::string& path) = 0;

    // Small whole files. read: at most `size_max` bytes, else io_error. write: not atomic, not
    // synced.
    virtual Result<std::string> read_file(const std::string& path, size_t size_max = 64u << 20) = 0;
    virtual Result<void> write_file(const std::string& path, std::string_view content) = 0;
    // Replaces atomically and durably: `<path>.tmp`, sync, rename, sync of the directory.
    virtual Task<Result<void>> replace_file(std::string path, std::string content) = 0;

    // An exclusive lock on `path` (made when missing), held until the returned object dies;
    // already_exists when another process has it.
    virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;

    // For implementations: the result of a call, after the observer was told.
    template <typename T>
    Result<T> noted(Result<T> result, const std::string& path) const {
        if (result.code() == ErrorCode::device_failed && observer_)
            observer_->device_failed(path, result.error());
        return result;
    }

private:
    DeviceObserver* observer_ = nullptr;
};

}  // namespace millrace::runtime
