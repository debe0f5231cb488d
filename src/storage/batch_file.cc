#include "storage/batch_file.h"

#include <algorithm>

namespace millrace::storage {
namespace {
constexpr uint64_t kChunkBytesMax = 1 << 20;
}

using protocol::kBatchHeaderBytes;

uint64_t BatchFile::wanted() const {
    const uint64_t left = size_ - std::min(size_, position());
    if (left < kBatchHeaderBytes) return 0;
    const ByteView have = ByteView{buffer_}.subspan(used_);
    if (have.size() < kBatchHeaderBytes) return kBatchHeaderBytes;
    const auto header = protocol::BatchHeaderView::parse(have);
    if (!header || header->size_bytes() < kBatchHeaderBytes || header->size_bytes() > left)
        return 0;
    return header->size_bytes();
}

runtime::Task<Result<bool>> BatchFile::load() {
    while (true) {
        const uint64_t bytes = wanted();
        if (bytes == 0) co_return false;
        if (buffer_.size() - used_ >= bytes) co_return true;
        const uint64_t from = position();
        const uint64_t count = std::min(std::max(bytes, chunk_bytes_), size_ - from);
        chunk_bytes_ = std::min(chunk_bytes_ * 4, kChunkBytesMax);
        buffer_.resize(count);
        buffer_position_ = from;
        used_ = 0;
        auto read = file_->read_at_now(from, buffer_);
        if (!read || *read < count) read = co_await file_->read_at(from, buffer_);
        if (!read) co_return std::move(read).error();
        buffer_.resize(*read);
        if (*read < count) size_ = from + *read;
    }
}

std::optional<protocol::BatchView> BatchFile::next() {
    const uint64_t bytes = wanted();
    const ByteView have = ByteView{buffer_}.subspan(used_);
    if (bytes == 0 || have.size() < bytes) return {};
    auto batch = protocol::BatchView::parse(have.first(bytes));
    if (!batch) return {};
    batch_position_ = position();
    used_ += bytes;
    return *batch;
}

}  // namespace millrace::storage
