// The Disk of a Linux file system. One object serves all shards: a Task of it comes back to the
// loop that awaits it. Writes go to the page cache from the caller's thread; syncs and reads of
// what is not in memory run on the pool.
#pragma once

#include "runtime/blocking_pool.h"
#include "runtime/disk.h"
#include "runtime/file_descriptor.h"

namespace millrace::runtime {

class LinuxDisk;

class LinuxFile final : public File {
public:
    LinuxFile(const LinuxDisk& disk, FileDescriptor descriptor, std::string path);

    Result<void> write_at(uint64_t position, std::span<const ByteView> parts) override;
    Result<size_t> read_at_now(uint64_t position, MutableByteView into) override;
    Task<Result<size_t>> read_at(uint64_t position, MutableByteView into) override;
    Task<Result<void>> sync() override;
    Task<Result<void>> write_zeros(uint64_t position, size_t bytes) override;
    Result<void> truncate(uint64_t size) override;
    Result<void> reserve(uint64_t size) override;
    Result<uint64_t> size() override;

    int descriptor() const { return descriptor_.get(); }
    const std::string& path() const { return path_; }

private:
    Result<void> write_parts(uint64_t position, std::span<const ByteView> parts);
    Result<size_t> read_cached(uint64_t position, MutableByteView into);
    Result<size_t> read_blocking(uint64_t position, MutableByteView into);

    const LinuxDisk& disk_;
    FileDescriptor descriptor_;
    std::string path_;
    bool in_memory_;  // a file system without a device: a plain read does not wait
};

class LinuxDisk final : public Disk {
public:
    explicit LinuxDisk(BlockingPool& pool) : pool_(pool) {}

    Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
    // Sorted by name.
    Result<std::vector<DirEntry>> list(const std::string& directory) override;
    Result<FileInfo> info(const std::string& path) override;
    Result<void> make_directories(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Task<Result<void>> remove_all(std::string path) override;
    Result<void> set_modified(const std::string& path, int64_t modified_ms) override;
    Task<Result<void>> sync_directory(const std::string& path) override;
    Result<DiskSpace> space(const std::string& path) override;
    Result<std::string> read_file(const std::string& path, size_t size_max) override;
    Result<void> write_file(const std::string& path, std::string_view content) override;
    Task<Result<void>> replace_file(std::string path, std::string content) override;
    Result<std::shared_ptr<void>> lock(const std::string& path) override;

private:
    friend class LinuxFile;

    BlockingPool& pool_;
};

}  // namespace millrace::runtime
