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
    if (std::exchange(wanted_, kPrefixBytes + static_cast<size_t>(size)) == 0) hold_.begin();
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

bool FrameReader::has_room() {
    const size_t need = std::max(wanted_, reach());
    if (buffer_ && begin_ == end_ && buffer_.unshared() && buffer_.capacity() >= need)
        begin_ = end_ = 0;
    return buffer_ && begin_ + need <= buffer_.capacity() && end_ < buffer_.capacity();
}

void FrameReader::move_to(ReceiveBuffer next) {
    const size_t have = end_ - begin_;
    if (have) std::memcpy(next.data(), buffer_.data() + begin_, have);
    buffer_ = std::move(next);
    begin_ = 0;
    end_ = have;
}

void FrameReader::prepare_to_wait() {
    if (begin_ == end_ && buffer_.capacity() > kChunkBytesMin) {
        buffer_ = {};
        hold_.release();
        begin_ = end_ = 0;
    }
    const size_t missing = wanted_ > end_ - begin_ ? wanted_ - (end_ - begin_) : 1;
    const bool low_water = missing > kLowWaterBytes;
    if (low_water) stream_.want(std::min(missing, size_t{262144}));
    if (!low_water && low_water_set_) stream_.want(1);
    low_water_set_ = low_water;
}

size_t FrameReader::room() const {
    const size_t until = reach() ? begin_ + reach() : buffer_.capacity();
    const size_t allowed = hold_.bytes() ? begin_ + hold_.bytes() : until;
    return std::min(until, allowed) - end_;
}

runtime::Task<Result<bool>> FrameReader::fill() {
    for (;;) {
        if (!has_room()) {
            const size_t have = end_ - begin_;
            const size_t size = std::max({chunk_bytes_, wanted_, reach(), have + 1});
            // The frame before this one has been answered: what it held is free for others.
            hold_.release();
            if (size > kChunkBytesMax)
                co_await pool_.budget().raise(hold_,
                                              std::min(size, std::max(kFirstPartBytes, have + 1)));
            move_to(pool_.take(size));
        }
        if (room() == 0) co_await pool_.budget().raise(hold_, wanted_);
        const size_t asked = room();
        const auto got = stream_.read_now({buffer_.data() + end_, asked});
        if (got.code() == ErrorCode::would_block) {
            prepare_to_wait();
            co_await stream_.readable();
            continue;
        }
        if (!got) co_return got.error();
        end_ += *got;
        if (*got == asked && asked >= chunk_bytes_ / 2)
            chunk_bytes_ = std::min(chunk_bytes_ * 2, kChunkBytesMax);
        co_return *got != 0;
    }
}

}  // namespace millrace::net
