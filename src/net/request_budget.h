// Admission by bytes: how much memory the large requests of one shard may take together. A small
// request needs none of it: it lies in the buffer that its connection has anyway, and connections
// are limited by number.
//
// Memory is given as long as any is left, so that `bytes_max` may be passed by one request. Who
// finds nothing left waits in line, and its connection is not read meanwhile; the peer feels that
// as a slow network. A request takes little at first and the rest when that little has come, so
// that announcing bytes costs others nothing. One request at a time gets its rest even when nothing
// is left: requests that hold their first parts can never keep each other waiting for good.
//
// Owner: BufferPool. Loop: the shard's. Kafka: queued.max.request.bytes (SimpleMemoryPool).
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/list.h"
#include "runtime/loop.h"

namespace millrace::net {

class RequestBudget {
public:
    // bytes_max > 0.
    explicit RequestBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
    RequestBudget(const RequestBudget&) = delete;

    // What one request holds until it dies. Must not outlive the budget.
    class Hold {
    public:
        explicit Hold(RequestBudget& budget) : budget_(budget) {}
        Hold(const Hold&) = delete;
        ~Hold() { release(); }
        void release() { budget_.give_back(*this); }
        uint64_t bytes() const { return bytes_; }
        // The request that uses it begins now.
        void begin() { since_ = runtime::Loop::current().now(); }
        // Since when the holder has had what it asked for; kNever while it has to wait.
        runtime::TimePoint since() const { return waits_ ? runtime::kNever : since_; }

    private:
        friend class RequestBudget;
        RequestBudget& budget_;
        uint64_t bytes_ = 0;
        runtime::TimePoint since_ = runtime::kNever;
        bool overdrawn_ = false;
        bool waits_ = false;
    };

    // co_await budget.raise(hold, bytes): afterwards `hold` has `bytes` (at least what it had).
    // Those who hold something come first, then the others, each in the order of the calls.
    struct Raise : runtime::Link {
        RequestBudget& budget;
        Hold& hold;
        const uint64_t bytes;
        runtime::Waiter waiter;

        Raise(RequestBudget& b, Hold& h, uint64_t n, runtime::Loop& loop)
            : budget(b), hold(h), bytes(n), waiter(loop) {}
        bool await_ready() { return budget.nobody_before(*this) && budget.give(*this); }
        void await_suspend(std::coroutine_handle<> handle) {
            (hold.bytes_ ? budget.raising_ : budget.starting_).push_back(*this);
            ++budget.waits_;
            hold.waits_ = true;
            waiter.wait().await_suspend(handle);
        }
        void await_resume() const {
            hold.waits_ = false;
            hold.begin();
        }
    };
    [[nodiscard]] Raise raise(Hold& hold, uint64_t bytes) {
        return {*this, hold, bytes, runtime::Loop::current()};
    }

    uint64_t bytes_max() const { return bytes_max_; }
    uint64_t bytes_held() const { return held_; }
    bool somebody_waits() const { return !raising_.empty() || !starting_.empty(); }
    // How often somebody had to wait.
    uint64_t waits() const { return waits_; }

private:
    bool nobody_before(const Raise& raise) const {
        return raising_.empty() && (raise.hold.bytes_ != 0 || starting_.empty());
    }
    bool give(Raise& raise) {
        if (held_ >= bytes_max_) {
            if (raise.hold.bytes_ == 0 || overdrawn_) return false;
            raise.hold.overdrawn_ = overdrawn_ = true;
        }
        held_ += raise.bytes - raise.hold.bytes_;
        raise.hold.bytes_ = raise.bytes;
        return true;
    }
    void give_back(Hold& hold) {
        held_ -= std::exchange(hold.bytes_, 0);
        if (std::exchange(hold.overdrawn_, false)) overdrawn_ = false;
        serve(raising_);
        if (raising_.empty()) serve(starting_);
    }
    void serve(runtime::List<Raise>& line) {
        while (!line.empty() && give(line.front())) {
            Raise& first = line.front();
            first.unlink();
            first.waiter.wake();
        }
    }

    const uint64_t bytes_max_;
    uint64_t held_ = 0;
    bool overdrawn_ = false;  // one request got its rest although nothing was left
    uint64_t waits_ = 0;
    runtime::List<Raise> raising_;
    runtime::List<Raise> starting_;
};

}  // namespace millrace::net
