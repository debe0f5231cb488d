// How plain functions over files that may not be in memory are written once: they read through a
// ColdReads; what is missing is noted there and the function gives up with would_block; the Task
// around it waits for the missing part and calls it again, now finding it here.
//
// Owner: the Task of one operation. What it holds is bounded by what the operation looks at
// (headers).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::storage {

class ColdReads {
public:
    enum class Missing : uint8_t { nothing, pages, index, sound_index, aborts };

    // Reads like File::read_at_now, but knows what wait_for_pages() has read.
    Result<size_t> read(const std::shared_ptr<runtime::File>& file, uint64_t position,
                        MutableByteView into);
    // Notes that a segment's .index, a sound .index, or .txnindex must be loaded. sound_index a
    // second time for the same segment: the log itself is damaged, corrupt_message.
    Error need(Missing what, Offset segment_base);

    Missing missing() const { return missing_; }
    Offset segment_base() const { return segment_base_; }
    runtime::Task<Result<void>> wait_for_pages();

private:
    struct Piece {
        std::shared_ptr<runtime::File> file;
        uint64_t position;
        std::vector<uint8_t> bytes;
    };
    Missing missing_ = Missing::nothing;
    Offset segment_base_ = -1;
    Piece wanted_;
    std::vector<Piece> pieces_;
    std::set<Offset> rebuilt_;
};

// A whole file's content, waiting if it must. Errors: not_found, io_error; kafka_storage_error
// above `size_max`.
runtime::Task<Result<std::vector<uint8_t>>> read_whole(runtime::Disk& disk, std::string path,
                                                       uint64_t size_max);

}  // namespace millrace::storage
