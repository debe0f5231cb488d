#include "cli/dump/segment_walk.h"

namespace millrace::cli {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

Result<BatchFile> BatchFile::open(LocalDisk& local, const std::string& path) {
    TRY(auto file, local.disk().open(path, runtime::OpenMode::read));
    TRY(const uint64_t size, file->size());
    return BatchFile{local, std::move(file), size};
}

Result<ByteView> BatchFile::bytes_at(uint64_t position, size_t bytes) {
    if (position < buffer_at_ || position + bytes > buffer_at_ + buffer_.size()) {
        // Within the file, so that a wrong length does not ask for more memory than there are bytes.
        buffer_.resize(std::min<uint64_t>(std::max(bytes, kBufferBytes), size_ - position));
        buffer_at_ = position;
        TRY(const size_t got, local_->read(*file_, position, buffer_));
        buffer_.resize(got);
    }
    const size_t from = static_cast<size_t>(position - buffer_at_);
    if (buffer_.size() - from < bytes)
        return fail(ErrorCode::io_error, "the file became shorter while it was read");
    return ByteView{buffer_}.subspan(from, bytes);
}

Result<std::optional<protocol::BatchView>> BatchFile::batch_at(uint64_t position, uint64_t end) {
    using Found = std::optional<protocol::BatchView>;
    end = std::min(end, size_);
    if (position >= end || end - position <= protocol::kBatchMagicEnd) return Found{};
    TRY(const ByteView prefix, bytes_at(position, protocol::kBatchPrefixBytes));
    const int32_t length = load_be<int32_t>(prefix.data() + 8);
    if (length < 14)
        return fail(
            ErrorCode::corrupt_message,
            fmt::format("Record size {} is less than the minimum record overhead (14)", length));
    const size_t bytes = protocol::kBatchPrefixBytes + static_cast<size_t>(length);
    if (end - position < bytes) return Found{};
    TRY(const ByteView whole, bytes_at(position, bytes));
    TRY(const protocol::BatchView batch, protocol::BatchView::parse(whole));
    return Found{batch};
}

Result<uint64_t> walk_batches(
    BatchFile& file, uint64_t bytes_max,
    const std::function<Result<void>(protocol::BatchView batch, uint64_t position)>& on_batch) {
    uint64_t position = 0;
    while (true) {
        TRY(const auto batch, file.batch_at(position, bytes_max));
        if (!batch) return position;
        TRY_OK(on_batch(*batch, position));
        position += batch->size_bytes();
    }
}

}  // namespace millrace::cli
