// Reads a file of record batches from its start: a segment, a snapshot of the metadata log.
//
// One batch is in memory at a time. What follows the last whole batch is counted, not read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/local_disk.h"
#include "protocol/record_batch.h"

namespace millrace::cli {

class BatchFile {
public:
    // not_found and what else the disk says.
    static Result<BatchFile> open(LocalDisk& local, const std::string& path);

    // The batch at `position`, if it ends at or before `end`; nothing when the rest is shorter.
    // The view lives until the next call. corrupt_message, unsupported_for_message_format.
    Result<std::optional<protocol::BatchView>> batch_at(uint64_t position, uint64_t end);
    uint64_t size() const { return size_; }

private:
    BatchFile(LocalDisk& local, std::shared_ptr<runtime::File> file, uint64_t size)
        : local_(&local), file_(std::move(file)), size_(size) {}
    // `bytes` of the file from `position` on, through a buffer.
    Result<ByteView> bytes_at(uint64_t position, size_t bytes);

    LocalDisk* local_;
    std::shared_ptr<runtime::File> file_;
    uint64_t size_;
    std::vector<uint8_t> buffer_;
    uint64_t buffer_at_ = 0;
};

// Calls `on_batch` for every whole batch below `bytes_max`; its first error ends the walk. Returns
// the bytes of the whole batches.
Result<uint64_t> walk_batches(
    BatchFile& file, uint64_t bytes_max,
    const std::function<Result<void>(protocol::BatchView batch, uint64_t position)>& on_batch);

}  // namespace millrace::cli
