#include "runtime/inbox.h"

#include <utility>

namespace millrace::runtime {

void Inbox::post(std::function<void()> fn) {
    const std::lock_guard lock{mutex_};
    posted_.push_back(std::move(fn));
    changed_.notify_one();
}

void Inbox::finish() {
    // Under the lock: the waiting thread may destroy this as soon as it has seen it.
    const std::lock_guard lock{mutex_};
    finished_ = true;
    changed_.notify_one();
}

void Inbox::run_until_finished() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return finished_ || !posted_.empty(); });
        if (posted_.empty()) return;
        auto fn = std::move(posted_.front());
        posted_.pop_front();
        lock.unlock();
        fn();
        lock.lock();
    }
}

}  // namespace millrace::runtime
