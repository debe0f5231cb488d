#include "net/buffer_pool.h"

#include <array>
#include <bit>

namespace millrace::net {
namespace {

constexpr size_t kSmallestBits = 12;  // 4 KiB
// 4 MiB; larger ones are rare and go straight back to the allocator.
constexpr size_t kLargestBits = 22;
constexpr size_t kClasses = kLargestBits - kSmallestBits + 1;

}  // namespace

struct BufferPool::Free {
    std::array<std::vector<std::unique_ptr<uint8_t[]>>, kClasses> buffers;
    size_t bytes = 0;
    size_t bytes_max = 0;
};

BufferPool::BufferPool(const Limits& limits)
    : free_(std::make_shared<Free>()), budget_(limits.request_bytes_max) {
    free_->bytes_max = limits.kept_bytes_max;
}

ReceiveBuffer BufferPool::take(size_t size) {
    ReceiveBuffer buffer;
    const size_t bits = std::max(kSmallestBits, static_cast<size_t>(std::bit_width(size - 1)));
    if (bits > kLargestBits) {
        buffer.capacity_ = size;
        buffer.memory_ =
            std::shared_ptr<uint8_t>(new uint8_t[size], std::default_delete<uint8_t[]>());
        return buffer;
    }
    const size_t c = bits - kSmallestBits;
    buffer.capacity_ = size_t{1} << bits;
    uint8_t* memory;
    if (auto& list = free_->buffers[c]; !list.empty()) {
        memory = list.back().release();
        list.pop_back();
        free_->bytes -= buffer.capacity_;
    } else {
        memory = new uint8_t[buffer.capacity_];
    }
    buffer.memory_ = std::shared_ptr<uint8_t>(memory, [free = free_, c](uint8_t* p) {
        std::unique_ptr<uint8_t[]> owned(p);
        const size_t capacity = size_t{1} << (c + kSmallestBits);
        if (free->bytes + capacity > free->bytes_max) return;
        free->bytes += capacity;
        free->buffers[c].push_back(std::move(owned));
    });
    return buffer;
}

}  // namespace millrace::net
