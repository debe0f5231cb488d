#include "storage/cold_reads.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::storage {

using runtime::Task;

Result<size_t> ColdReads::read(const std::shared_ptr<runtime::File>& file, uint64_t position,
                               MutableByteView into) {
    for (const Piece& piece : pieces_) {
        if (piece.file != file || piece.position != position || piece.bytes.size() < into.size())
            continue;
        std::copy_n(piece.bytes.begin(), into.size(), into.begin());
        return into.size();
    }
    auto read = file->read_at_now(position, into);
    if (read.code() == ErrorCode::would_block) {
        missing_ = Missing::pages;
        wanted_ = {file, position, std::vector<uint8_t>(into.size())};
    }
    return read;
}

Error ColdReads::need(Missing what, Offset segment_base) {
    if (what == Missing::sound_index && !rebuilt_.insert(segment_base).second)
        return fail(ErrorCode::corrupt_message,
                    fmt::format("the segment at {} is damaged", segment_base));
    missing_ = what;
    segment_base_ = segment_base;
    return fail(ErrorCode::would_block);
}

Task<Result<void>> ColdReads::wait_for_pages() {
    CO_TRY(const size_t count, co_await wanted_.file->read_at(wanted_.position, wanted_.bytes));
    if (count < wanted_.bytes.size())
        co_return fail(ErrorCode::kafka_storage_error, "the file is shorter than it was");
    pieces_.push_back(std::move(wanted_));
    missing_ = Missing::nothing;
    co_return {};
}

Task<Result<std::vector<uint8_t>>> read_whole(runtime::Disk& disk, std::string path,
                                              uint64_t size_max) {
    CO_TRY(const auto file, disk.open(path, runtime::OpenMode::read));
    CO_TRY(const uint64_t size, file->size());
    if (size > size_max)
        co_return fail(ErrorCode::kafka_storage_error,
                       fmt::format("{} has {} bytes, at most {} are sound", path, size, size_max));
    std::vector<uint8_t> bytes(size);
    if (size == 0) co_return bytes;
    auto count = file->read_at_now(0, bytes);
    // A short count may only mean that the rest is not in memory.
    if (!count || *count < size) count = co_await file->read_at(0, bytes);
    if (!count) co_return std::move(count).error();
    bytes.resize(*count);
    co_return bytes;
}

}  // namespace millrace::storage
