// The small files beside a segment, read as they are, entry by entry.
#pragma once

#include <string>
#include <vector>

#include "cli/local_disk.h"
#include "protocol/records/producer_snapshot.h"
#include "storage/index_entries.h"

namespace millrace::cli {

// The offset that a file's name begins with. invalid_request: it does not.
Result<Offset> base_offset_of(const std::string& path);

// The entries of an offset or time index. A preallocated file holds zeros after the last: the
// reading ends at the first entry, but that at the start, whose relative offset is 0. What makes no
// sense is not left out. Errors: the disk's.
template <typename Entry>
struct IndexFile {
    Offset base_offset = 0;
    std::vector<Entry> entries;
    uint64_t file_entries = 0;  // with the zeros
};
Result<IndexFile<storage::IndexEntry>> read_offset_index(LocalDisk& local, const std::string& path);
Result<IndexFile<storage::TimeEntry>> read_time_index(LocalDisk& local, const std::string& path);
Result<std::vector<storage::AbortEntry>> read_txn_index(LocalDisk& local, const std::string& path);

// A producer snapshot. The content must outlive the result. Errors: corrupt_message (checksum),
// malformed, unsupported_version.
Result<protocol::ProducerSnapshot> read_producer_snapshot(ByteView content);

}  // namespace millrace::cli
