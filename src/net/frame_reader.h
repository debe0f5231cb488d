// Cuts a stream into frames: int32 size (big-endian), then that many bytes. A frame is handed out
// as one contiguous slice of a receive buffer, without a copy when it arrived whole.
//
// Small frames share a buffer, which starts at 4 KiB and doubles while reads fill it. A large frame
// gets a buffer of its own size, for which it asks the pool's request budget, and the kernel is
// asked to wake the reader only when a good part of it is there. After a large frame the next is expected to be
// as large, so that a stream of equal frames is read without copying anything.
//
// While nothing comes, a reader holds 4 KiB at most.
#pragma once

#include <optional>

#include "net/buffer_pool.h"
#include "runtime/network.h"

namespace millrace::net {

class FrameReader {
public:
    // A frame's size must be in [1, frame_bytes_max].
    FrameReader(runtime::Stream& stream, BufferPool& pool, size_t frame_bytes_max)
        : stream_(stream), pool_(pool), frame_bytes_max_(frame_bytes_max), hold_(pool.budget()) {}

    // The next frame if it is here in full already, else nothing; never waits and never reads the
    // stream. malformed: a size outside the limits; the stream cannot be read on from there.
    Result<std::optional<SharedBytes>> buffered();
    // Reads once, waiting if need be, then buffered() may have more. False at the end of the
    // stream.
    runtime::Task<Result<bool>> fill();
    // Bytes that are here of a frame that is not complete.
    size_t partial_bytes() const { return end_ - begin_; }
    // Since when a large frame has been arriving that holds memory for which others may wait;
    // kNever when there is none.
    runtime::TimePoint holds_memory_since() const {
        return hold_.bytes() != 0 && wanted_ != 0 ? hold_.since() : runtime::kNever;
    }

private:
    static constexpr size_t kChunkBytesMin = 4096;

    // What a large frame may take before it has shown that it really comes.
    static constexpr size_t kFirstPartBytes = 1u << 20;

    // How far from begin_ on the next read may reach; 0: as far as the buffer goes.
    size_t reach() const;
    // Bytes that a read from end_ on may bring.
    size_t room() const;
    // For what is still missing of the frame at begin_, or at least for some bytes.
    bool has_room();
    void move_to(ReceiveBuffer next);
    void prepare_to_wait();

    runtime::Stream& stream_;
    BufferPool& pool_;
    const size_t frame_bytes_max_;
    ReceiveBuffer buffer_;
    RequestBudget::Hold hold_;  // for what of buffer_ may be read into, when it is large
    size_t begin_ = 0;          // of the first byte not handed out
    size_t end_ = 0;            // of what was read
    // The whole size, with its prefix, of the frame at begin_ when known, else 0.
    size_t wanted_ = 0;
    size_t last_large_ = 0;  // the whole size of the frame handed out last, if it was large
    size_t chunk_bytes_ = kChunkBytesMin;  // size of the next shared buffer
    bool low_water_set_ = false;
};

}  // namespace millrace::net
