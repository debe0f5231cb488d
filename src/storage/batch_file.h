// Reads a segment's batches one after the other, in large pieces, waiting for the disk where it
// must.
//
//   BatchFile batches(file, from, size);
//   while (true) {
//       CO_TRY(const bool more, co_await batches.load());
//       if (!more) break;
//       while (auto batch = batches.next()) use(*batch);
//   }
//
// Ends where no whole sound batch follows: position() then is where the good part ends. CRCs are
// the caller's business.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "protocol/record_batch.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::storage {

class BatchFile {
public:
    BatchFile(std::shared_ptr<runtime::File> file, uint64_t from, uint64_t size)
        : file_(std::move(file)), buffer_position_(from), size_(size) {}

    // Makes at least one whole batch available to next(); false at the end.
    runtime::Task<Result<bool>> load();
    // The next batch in memory, valid until load(); none: call load().
    std::optional<protocol::BatchView> next();
    // Where the batch that next() gave last begins, and where the next one does.
    uint64_t batch_position() const { return batch_position_; }
    uint64_t position() const { return buffer_position_ + used_; }

private:
    // Whole bytes needed for the batch at position(); 0 when there is none.
    uint64_t wanted() const;

    std::shared_ptr<runtime::File> file_;
    std::vector<uint8_t> buffer_;
    uint64_t buffer_position_;
    uint64_t size_;
    uint64_t batch_position_ = 0;
    size_t used_ = 0;
    uint64_t chunk_bytes_ = 64 << 10;
};

}  // namespace millrace::storage
