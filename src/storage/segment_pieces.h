// A segment's batches from its start on, in pieces of bounded memory that are handed to another
// thread: BatchFile's way, for what is read once and in bulk.
//
//   SegmentPieces pieces(file, size, piece_bytes);
//   while (true) {
//       CO_TRY(const bool more, co_await pieces.fill());
//       if (!more) break;
//       ... take whole batches from the front of pieces.bytes()
//       pieces.consume(taken);
//   }
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "protocol/record_batch.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::storage {

class SegmentPieces {
public:
    SegmentPieces(std::shared_ptr<runtime::File> file, uint64_t size, size_t piece_bytes)
        : file_(std::move(file)), size_(size), piece_bytes_(piece_bytes) {}

    // Reads on; at least the next batch is whole then, even if it is larger than a piece. False at
    // the end. Errors: corrupt_message when no batch begins where one should, or it is cut;
    // io_error.
    runtime::Task<Result<bool>> fill();
    ByteView bytes() const { return ByteView{buffer_}.first(filled_); }
    void consume(size_t bytes) { used_ = bytes; }
    // What the last fill() read from the file.
    uint64_t read_bytes() const { return read_bytes_; }

private:
    runtime::Task<Result<void>> read_up_to(size_t bytes);

    std::shared_ptr<runtime::File> file_;
    const uint64_t size_;
    const size_t piece_bytes_;
    std::vector<uint8_t> buffer_;
    size_t filled_ = 0;
    size_t used_ = 0;        // of what is filled
    uint64_t position_ = 0;  // in the file, behind what is filled
    uint64_t read_bytes_ = 0;
};

}  // namespace millrace::storage
