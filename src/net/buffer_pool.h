// Receive buffers of one shard. A buffer goes back to its pool when the last slice of it dies, so
// that a busy node reads into memory that it has touched before instead of asking the kernel for
// fresh pages with every large request.
//
// Owner: the shard; it outlives its connections. Slices may die on any loop of the same shard only.
// Bound: `kept_bytes_max` bytes wait for reuse; more are freed. Large buffers in use are bounded by
// the request budget, which whoever takes one asks first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "net/request_budget.h"

namespace millrace::net {

// Memory to read into; `share()` gives out what keeps it alive.
class ReceiveBuffer {
public:
    ReceiveBuffer() = default;

    uint8_t* data() const { return memory_.get(); }
    size_t capacity() const { return capacity_; }
    // Whether nobody but this object holds the memory, so that it may be written over.
    bool unshared() const { return memory_.use_count() == 1; }
    SharedBytes slice(size_t from, size_t count) const {
        return {memory_, ByteView{memory_.get() + from, count}};
    }
    explicit operator bool() const { return memory_ != nullptr; }

private:
    friend class BufferPool;
    std::shared_ptr<uint8_t> memory_;
    size_t capacity_ = 0;
};

class BufferPool {
public:
    struct Limits {
        size_t kept_bytes_max = 16u << 20;
        uint64_t request_bytes_max = 64u << 20;
    };
    BufferPool() : BufferPool(Limits{}) {}
    explicit BufferPool(const Limits& limits);
    // At least `size` bytes, not cleared.
    ReceiveBuffer take(size_t size);
    RequestBudget& budget() { return budget_; }

private:
    struct Free;
    // Shared with the buffers' deleters, which may run after the pool is gone.
    std::shared_ptr<Free> free_;
    RequestBudget budget_;
};

}  // namespace millrace::net
