#include "storage/segment_pieces.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::storage {

using runtime::Task;

Task<Result<void>> SegmentPieces::read_up_to(size_t bytes) {
    const uint64_t left = size_ - position_;
    bytes = filled_ + std::min<uint64_t>(bytes - std::min(bytes, filled_), left);
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    while (filled_ < bytes) {
        const MutableByteView into = MutableByteView{buffer_}.first(bytes).subspan(filled_);
        CO_TRY(const size_t count, co_await file_->read_at(position_, into));
        if (count == 0)
            co_return fail(ErrorCode::corrupt_message,
                           fmt::format("the file ends at {} instead of {}", position_, size_));
        filled_ += count;
        position_ += count;
        read_bytes_ += count;
    }
    co_return {};
}

Task<Result<bool>> SegmentPieces::fill() {
    std::copy(buffer_.begin() + static_cast<ptrdiff_t>(used_),
              buffer_.begin() + static_cast<ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= used_;
    used_ = 0;
    read_bytes_ = 0;
    CO_TRY_OK(co_await read_up_to(piece_bytes_));
    if (filled_ == 0) co_return false;
    const uint64_t begin = position_ - filled_;
    const auto header = protocol::BatchHeaderView::parse(bytes());
    const auto damaged = [&] {
        return fail(ErrorCode::corrupt_message, fmt::format("no sound batch at {}", begin));
    };
    if (!header) co_return header.code() == ErrorCode::would_block ? damaged() : header.error();
    if (header->size_bytes() < protocol::kBatchHeaderBytes || header->size_bytes() > size_ - begin)
        co_return damaged();
    CO_TRY_OK(co_await read_up_to(header->size_bytes()));
    co_return true;
}

}  // namespace millrace::storage
