#include "net/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace millrace::net {
namespace {

constexpr size_t kPrefixBytes = 4;
constexpr size_t kChunkBytesMax = 65536;
// Above this many missing bytes, waking up for less costs more than it gains.
constexpr size_t kLowWaterBytes = 32768;

}  // namespace

Result<std::optional<SharedBytes>> FrameReader::buffered() {
    const size_t have = end_ - begin_;
    if (have < kPrefixBytes) return std::nullopt;
    const auto size = load_be<int32_t>(buffer_.data() + begin_);
    if (size <= 0 || static_cast<size_t>(size) > frame_bytes_max_)
        return fail(ErrorCode::malformed,
                    fmt::format("a frame of {} bytes (allowed: 1 to {})", size, frame_bytes_max_));
    wanted_ = kPrefixBytes + static_cast<size_t>(size);
    if (have < wanted_) return std::nullopt;
    SharedBytes frame = buffer_.slice(begin_ + kPrefixBytes, static_cast<size_t>(size));
    begin_ += wanted_;
    last_large_ = wanted_ > kChunkBytesMax ? wanted_ : 0;
    wanted_ = 0;
    return frame;
}

size_t FrameReader::reach() const {
    if (wanted_ > kChunkBytesMax) return wanted_;
    return wanted_ == 0 ? last_large_ : 0;
}

// Afterwards the buffer has room for what is still missing of the frame at begin_, or at least for
// some bytes.
void FrameReader::make_room() {
    const size_t have = end_ - begin_;
    const size_t need = std::max(wanted_, reach());
    if (buffer_ && begin_ == end_ && buffer_.unshared() && buffer_.capacity() >= need)
        begin_ = end_ = 0;
    if (buffer_ && begin_ + need <= buffer_.capacity() && end_ < buffer_.capacity()) return;
    ReceiveBuffer next = pool_.take(std::max({chunk_bytes_, need, have + 1}));
    if (have) std::memcpy(next.data(), buffer_.data() + begin_, have);
    buffer_ = std::move(next);
    begin_ = 0;
    end_ = have;
}

runtime::Task<Result<bool>> FrameReader::fill() {
    make_room();
    const size_t room = reach() ? begin_ + reach() - end_ : buffer_.capacity() - end_;
    const MutableByteView into{buffer_.data() + end_, room};
    auto got = stream_.read_now(into);
    if (got.code() == ErrorCode::would_block) {
        const size_t missing = wanted_ > end_ - begin_ ? wanted_ - (end_ - begin_) : 1;
        const bool low_water = missing > kLowWaterBytes;
        if (low_water) stream_.want(std::min(missing, size_t{262144}));
        if (!low_water && low_water_set_) stream_.want(1);
        low_water_set_ = low_water;
        got = co_await stream_.read(into);
    }
    if (!got) co_return std::move(got).error();
    end_ += *got;
    if (*got == room && room >= chunk_bytes_ / 2)
        chunk_bytes_ = std::min(chunk_bytes_ * 2, kChunkBytesMax);
    co_return *got != 0;
}

}  // namespace millrace::net
