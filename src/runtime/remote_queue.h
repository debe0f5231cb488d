// Messages from any thread to one loop, without locks: a stack that the receiver takes as a whole
// and turns round.
#pragma once

#include <atomic>

#include "runtime/loop.h"

namespace millrace::runtime {

class RemoteQueue {
public:
    RemoteQueue() = default;
    RemoteQueue(const RemoteQueue&) = delete;
    ~RemoteQueue() {
        for (Remote* work = take(); work;) next(work)->drop();
    }

    // Any thread.
    void push(Remote& work) {
        work.next_ = top_.load(std::memory_order_relaxed);
        while (!top_.compare_exchange_weak(work.next_, &work, std::memory_order_seq_cst,
                                           std::memory_order_relaxed)) {
        }
    }
    // The receiver's thread. True when anything ran.
    bool run_all() {
        if (empty()) return false;
        for (Remote* work = take(); work;) next(work)->run();
        return true;
    }
    bool empty() const { return top_.load(std::memory_order_seq_cst) == nullptr; }

private:
    // Steps on before the message runs, since running may free it.
    static Remote* next(Remote*& work) { return std::exchange(work, work->next_); }
    // All messages, the oldest first.
    Remote* take() {
        Remote* newest = top_.exchange(nullptr, std::memory_order_acquire);
        Remote* oldest = nullptr;
        while (newest) {
            Remote* following = newest->next_;
            newest->next_ = oldest;
            oldest = newest;
            newest = following;
        }
        return oldest;
    }

    std::atomic<Remote*> top_ = nullptr;
};

}  // namespace millrace::runtime
