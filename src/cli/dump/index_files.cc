#include "cli/dump/index_files.h"

#include <charconv>

#include "base/crc32c.h"
#include "protocol/versioned.h"

namespace millrace::cli {
namespace {

template <typename Entry>
Result<IndexFile<Entry>> read_index(LocalDisk& local, const std::string& path) {
    IndexFile<Entry> out;
    TRY(out.base_offset, base_offset_of(path));
    TRY(const std::string content, local.read_all(path));
    const ByteView bytes = as_bytes(content);
    out.file_entries = bytes.size() / Entry::kBytes;
    for (size_t i = 0; i != out.file_entries; ++i) {
        const Entry entry = Entry::load(bytes.data() + i * Entry::kBytes);
        if (entry.offset == 0 && i != 0) break;
        out.entries.push_back(entry);
    }
    return out;
}

}  // namespace

Result<Offset> base_offset_of(const std::string& path) {
    const std::string name = path.substr(path.find_last_of('/') + 1);
    const std::string digits = name.substr(0, name.find('.'));
    Offset offset = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, offset);
    if (digits.empty() || error != std::errc{} || stop != end)
        return fail(ErrorCode::invalid_request, fmt::format("For input string: \"{}\"", digits));
    return offset;
}

Result<IndexFile<storage::IndexEntry>> read_offset_index(LocalDisk& local,
                                                         const std::string& path) {
    return read_index<storage::IndexEntry>(local, path);
}

Result<IndexFile<storage::TimeEntry>> read_time_index(LocalDisk& local, const std::string& path) {
    return read_index<storage::TimeEntry>(local, path);
}

Result<std::vector<storage::AbortEntry>> read_txn_index(LocalDisk& local, const std::string& path) {
    TRY(const std::string content, local.read_all(path));
    const ByteView bytes = as_bytes(content);
    std::vector<storage::AbortEntry> out;
    for (size_t at = 0; at + storage::AbortEntry::kBytes <= bytes.size();
         at += storage::AbortEntry::kBytes)
        out.push_back(storage::AbortEntry::load(bytes.data() + at));
    return out;
}

Result<protocol::ProducerSnapshot> read_producer_snapshot(ByteView content) {
    // int16 version, uint32 CRC-32C of all that follows it, the entries
    constexpr size_t kCrcEnd = 6;
    if (content.size() < kCrcEnd) return fail(ErrorCode::malformed, "the snapshot is cut short");
    const uint32_t said = load_be<uint32_t>(content.data() + 2);
    const uint32_t computed = crc32c(content.subspan(kCrcEnd));
    if (said != computed)
        return fail(ErrorCode::corrupt_message,
                    fmt::format("Snapshot is corrupt (CRC is no longer valid). Stored crc: {}. "
                                "Computed crc: {}",
                                said, computed));
    return protocol::decode_versioned<protocol::ProducerSnapshot>(content);
}

}  // namespace millrace::cli
