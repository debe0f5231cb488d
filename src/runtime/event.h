// What tasks of one loop wait for: Event (a flag), Signal (a bell that many may subscribe to),
// AsyncMutex and Queue; and CancelToken, by which the owner of tasks asks them to end.
//
// A wait on several sources at once, as a parked fetch needs it:
//
//   Subscriber waiting{loop};
//   for (Partition* p : partitions) waiting.subscribe(p->appended);   // before the first look
//   waiting.subscribe(token);
//   while (!enough(partitions) && !token.cancelled())
//       if (!co_await waiting.wait_until(deadline)) break;
//
// All of it belongs to one loop; nothing here is thread-safe. Waking costs a push to the ready
// queue; nobody is resumed from inside set() or notify().
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "base/result.h"
#include "runtime/list.h"
#include "runtime/loop.h"

namespace millrace::runtime {

// One subscription: what happens when the bell rings. Ends when it dies.
class Hook : public Link {
public:
    using Fire = void (*)(void* subject);
    Hook(Fire fire, void* subject) : fire_(fire), subject_(subject) {}
    explicit Hook(Waiter& waiter)
        : Hook([](void* w) { static_cast<Waiter*>(w)->wake(); }, &waiter) {}
    void fire() { fire_(subject_); }

private:
    Fire fire_;
    void* subject_;
};

class Signal {
public:
    // Rings all that are subscribed now; they stay subscribed.
    void notify() {
        hooks_.for_each([](Hook& hook) { hook.fire(); });
    }
    // For one-shot subscriptions, which may do anything, also unsubscribe others.
    void notify_and_clear() {
        while (!hooks_.empty()) {
            Hook& first = hooks_.front();
            first.unlink();
            first.fire();
        }
    }
    void add(Hook& hook) { hooks_.push_back(hook); }
    bool idle() const { return hooks_.empty(); }
    // The one that subscribed first. Undefined when idle.
    Hook& first() { return hooks_.front(); }

private:
    List<Hook> hooks_;
};

// The request to end, as seen by those who are asked. Cheap to copy; refers to a CancelSource,
// which must live longer. A default one is never cancelled.
class CancelSource;
class CancelToken {
public:
    CancelToken() = default;
    explicit CancelToken(CancelSource& source) : source_(&source) {}
    bool cancelled() const;
    void subscribe(Hook& hook) const;

private:
    CancelSource* source_ = nullptr;
};

class CancelSource {
public:
    // Once; later calls do nothing.
    void cancel() {
        if (std::exchange(cancelled_, true)) return;
        signal_.notify_and_clear();
    }
    bool cancelled() const { return cancelled_; }
    CancelToken token() { return CancelToken{*this}; }

private:
    friend class CancelToken;
    Signal signal_;
    bool cancelled_ = false;
};

inline bool CancelToken::cancelled() const {
    return source_ && source_->cancelled();
}
inline void CancelToken::subscribe(Hook& hook) const {
    if (source_ && !source_->cancelled()) source_->signal_.add(hook);
}

// Calls `action` (on this loop, from inside cancel()) if the token is cancelled while this lives,
// and at once if it already is: for closing what does not know tokens, such as a stream.
template <typename Action>
class OnCancel {
public:
    OnCancel(CancelToken token, Action action)
        : action_(std::move(action)),
          hook_([](void* self) { static_cast<OnCancel*>(self)->action_(); }, this) {
        if (token.cancelled())
            action_();
        else
            token.subscribe(hook_);
    }
    OnCancel(const OnCancel&) = delete;

private:
    Action action_;
    Hook hook_;
};

// A Waiter with any number of sources. The first needs no allocation.
class Subscriber {
public:
    explicit Subscriber(Loop& loop) : waiter_(loop), first_(waiter_) {}

    void subscribe(Signal& signal) { signal.add(next_hook()); }
    // Wakes also when the token is cancelled already.
    void subscribe(CancelToken token) {
        if (token.cancelled())
            waiter_.wake();
        else
            token.subscribe(next_hook());
    }
    // How many sources will come, so that room for them is made once.
    void reserve(size_t sources) { more_.reserve(sources); }
    // From all sources; each in O(1).
    void unsubscribe_all() {
        first_.unlink();
        first_used_ = false;
        more_.clear();
    }

    // True when a source rang since the last wait, false when `at` came first.
    Waiter::Wait wait_until(TimePoint at) { return waiter_.wait_until(at); }
    Waiter::Wait wait() { return waiter_.wait(); }
    Waiter& waiter() { return waiter_; }

private:
    Hook& next_hook() {
        if (!std::exchange(first_used_, true)) return first_;
        return more_.emplace_back(waiter_);
    }

    Waiter waiter_;
    Hook first_;
    bool first_used_ = false;
    std::vector<Hook> more_;
};

// A flag to wait for. set() wakes all; it stays set until reset().
class Event {
public:
    void set() {
        set_ = true;
        signal_.notify();
    }
    void reset() { set_ = false; }
    bool is_set() const { return set_; }

    struct Wait {
        Event& event;
        TimePoint at;
        Waiter waiter;
        Hook hook{waiter};
        bool await_ready() const { return event.set_; }
        void await_suspend(std::coroutine_handle<> handle) {
            event.signal_.add(hook);
            waiter.wait_until(at).await_suspend(handle);
        }
        void await_resume() const {}
    };
    struct TimedWait : Wait {
        bool await_ready() const { return event.set_ || at <= waiter.loop().now(); }
        // True when it was set in time, even if it was reset since.
        bool await_resume() { return waiter.wait().await_resume() || event.set_; }
    };
    struct CancellableWait : Wait {
        CancelToken token;
        Hook cancel_hook{waiter};
        bool await_ready() const { return event.set_ || token.cancelled(); }
        void await_suspend(std::coroutine_handle<> handle) {
            token.subscribe(cancel_hook);
            Wait::await_suspend(handle);
        }
        Result<void> await_resume() {
            const bool woken = waiter.wait().await_resume();
            if (event.set_) return {};
            if (token.cancelled()) return fail(ErrorCode::cancelled);
            if (woken) return {};
            return fail(ErrorCode::deadline_exceeded);
        }
    };

    // On the loop that runs the caller.
    Wait wait() { return {*this, kNever, Waiter{Loop::current()}}; }
    TimedWait wait_until(Loop& loop, TimePoint at) { return {{*this, at, Waiter{loop}}}; }
    // Errors: cancelled, deadline_exceeded.
    CancellableWait wait_until(Loop& loop, TimePoint at, CancelToken token) {
        return {{*this, at, Waiter{loop}}, token};
    }

private:
    bool set_ = false;
    Signal signal_;
};

// Sleeps unless cancelled: `cancelled`, or success at `at`.
struct CancellableSleep {
    Waiter waiter;
    TimePoint at;
    CancelToken token;
    Hook hook{waiter};
    bool await_ready() const { return token.cancelled(); }
    void await_suspend(std::coroutine_handle<> handle) {
        token.subscribe(hook);
        waiter.wait_until(at).await_suspend(handle);
    }
    Result<void> await_resume() const {
        if (token.cancelled()) return fail(ErrorCode::cancelled);
        return {};
    }
};
inline CancellableSleep sleep_until(Loop& loop, TimePoint at, CancelToken token) {
    return {Waiter{loop}, at, token};
}
inline CancellableSleep sleep_for(Loop& loop, Duration d, CancelToken token) {
    return {Waiter{loop}, loop.now() + d, token};
}

// Mutual exclusion of tasks of one loop across their waits; the lock goes from one to the next in
// the order of their calls. Not for threads.
class AsyncMutex {
public:
    class [[nodiscard]] Guard {
    public:
        explicit Guard(AsyncMutex& mutex) : mutex_(&mutex) {}
        Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Guard& operator=(Guard&&) = delete;
        ~Guard() {
            if (mutex_) mutex_->unlock();
        }

    private:
        AsyncMutex* mutex_;
    };

    struct Lock : Link {
        AsyncMutex& mutex;
        Waiter waiter;
        bool owned = false;  // handed over, and not yet in a Guard
        Lock(AsyncMutex& m, Loop& loop) : mutex(m), waiter(loop) {}
        ~Lock() {
            if (owned) mutex.unlock();
        }
        bool await_ready() {
            if (mutex.locked_) return false;
            return mutex.locked_ = owned = true;
        }
        void await_suspend(std::coroutine_handle<> handle) {
            mutex.queue_.push_back(*this);
            waiter.wait().await_suspend(handle);
        }
        Guard await_resume() {
            owned = false;
            return Guard{mutex};
        }
    };
    // auto guard = co_await mutex.lock();
    Lock lock() { return {*this, Loop::current()}; }
    bool locked() const { return locked_; }

private:
    void unlock() {
        if (queue_.empty()) {
            locked_ = false;
            return;
        }
        Lock& next = queue_.front();
        next.unlink();
        next.owned = true;
        next.waiter.wake();
    }

    bool locked_ = false;
    List<Lock> queue_;
};

// A bounded queue between tasks of one loop, for any number of senders and one receiver at a time.
template <typename T>
class Queue {
public:
    explicit Queue(size_t capacity) : capacity_(capacity) { INVARIANT(capacity > 0); }

    // False when it is full or closed.
    bool try_push(T item) {
        if (closed_ || items_.size() >= capacity_) return false;
        items_.push_back(std::move(item));
        filled_.set();
        return true;
    }
    // Waits for room. False when it was closed, and the item is lost.
    Task<bool> push(T item) {
        while (!closed_ && items_.size() >= capacity_) {
            room_.reset();
            co_await room_.wait();
        }
        co_return try_push(std::move(item));
    }
    // Nothing once it is closed and empty.
    Task<std::optional<T>> pop() {
        while (items_.empty() && !closed_) {
            filled_.reset();
            co_await filled_.wait();
        }
        co_return try_pop();
    }
    std::optional<T> try_pop() {
        if (items_.empty()) return std::nullopt;
        std::optional<T> item{std::move(items_.front())};
        items_.pop_front();
        room_.set();
        return item;
    }
    // Ends all waits; what is in the queue can still be taken.
    void close() {
        closed_ = true;
        filled_.set();
        room_.set();
    }
    size_t size() const { return items_.size(); }
    bool empty() const { return items_.empty(); }

private:
    const size_t capacity_;
    std::deque<T> items_;
    Event filled_;
    Event room_;
    bool closed_ = false;
};

}  // namespace millrace::runtime
