#include "runtime/loop.h"

namespace millrace::runtime {
namespace {

thread_local Loop* t_current = nullptr;

}  // namespace

Loop& Loop::current() {
    INVARIANT(t_current != nullptr);
    return *t_current;
}

Loop* Loop::current_or_null() {
    return t_current;
}

Loop::Entered::Entered(Loop& loop) : loop_(loop), outer_(std::exchange(t_current, &loop)) {
    loop_.thread_ = &t_current;
}

Loop::Entered::~Entered() {
    t_current = outer_;
    if (outer_ != &loop_) loop_.thread_ = nullptr;
}

void Loop::push_ready(Ready entry) {
    // Another thread reaches a running loop by post_remote() alone.
    DEBUG_INVARIANT(thread_ == nullptr || thread_ == &t_current);
    if (tail_ - head_ == ready_.size()) grow_ready();
    ready_at(tail_++) = entry;
}

void Loop::grow_ready() {
    // Places are numbers that only grow, so that they stay true when the ring is laid out anew.
    std::vector<Ready> larger(ready_.size() * 2);
    for (uint64_t place = head_; place != tail_; ++place)
        larger[place & (larger.size() - 1)] = ready_at(place);
    ready_ = std::move(larger);
}

bool Loop::run_one(size_t index) {
    if (index != 0) {
        Ready& first = ready_at(head_);
        Ready& chosen = ready_at(head_ + index);
        std::swap(first, chosen);
        if (first.waiter) first.waiter->ready_place_ = head_;
        if (chosen.waiter) chosen.waiter->ready_place_ = head_ + index;
    }
    const Ready entry = ready_at(head_++);
    if (!entry.handle) return false;
    if (entry.waiter) entry.waiter->ready_place_ = Waiter::kNowhere;
    entry.handle.resume();
    return true;
}

bool Loop::wake_due() {
    bool any = false;
    while (!timers_.empty() && timers_.front()->deadline_ <= now()) {
        Waiter& due = *timers_.front();
        remove_timer(due);
        due.make_ready();
        any = true;
    }
    return any;
}

bool Loop::run_ready() {
    wake_due();
    bool ran = false;
    for (const uint64_t until = tail_; head_ != until;) ran |= run_one();
    return ran;
}

TimePoint Loop::next_timer() const {
    return timers_.empty() ? kNever : timers_.front()->deadline_;
}

void Loop::add_timer(Waiter& waiter) {
    waiter.timer_order_ = next_timer_order_++;
    waiter.heap_index_ = timers_.size();
    timers_.push_back(&waiter);
    sift_up(timers_.size() - 1);
}

void Loop::remove_timer(Waiter& waiter) {
    const size_t hole = std::exchange(waiter.heap_index_, Waiter::kNowhere);
    Waiter* last = timers_.back();
    timers_.pop_back();
    if (last == &waiter) return;
    timers_[hole] = last;
    last->heap_index_ = hole;
    sift_up(hole);
    sift_down(last->heap_index_);
}

bool Loop::earlier(const Waiter& a, const Waiter& b) {
    if (a.deadline_ != b.deadline_) return a.deadline_ < b.deadline_;
    return a.timer_order_ < b.timer_order_;
}

void Loop::sift_up(size_t index) {
    while (index != 0) {
        const size_t parent = (index - 1) / 2;
        if (!earlier(*timers_[index], *timers_[parent])) return;
        std::swap(timers_[index], timers_[parent]);
        timers_[index]->heap_index_ = index;
        timers_[parent]->heap_index_ = parent;
        index = parent;
    }
}

void Loop::sift_down(size_t index) {
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= timers_.size()) return;
        if (child + 1 < timers_.size() && earlier(*timers_[child + 1], *timers_[child])) ++child;
        if (!earlier(*timers_[child], *timers_[index])) return;
        std::swap(timers_[index], timers_[child]);
        timers_[index]->heap_index_ = index;
        timers_[child]->heap_index_ = child;
        index = child;
    }
}

void Waiter::suspend(std::coroutine_handle<> handle, TimePoint at) {
    DEBUG_INVARIANT(!handle_);
    handle_ = handle;
    if (at == kNever) return;
    deadline_ = at;
    loop_.add_timer(*this);
}

void Waiter::make_ready() {
    if (ready_place_ != kNowhere) return;
    ready_place_ = loop_.tail_;
    loop_.push_ready({handle_, this});
}

void Waiter::wake() {
    if (woken_) return;
    woken_ = true;
    if (!handle_) return;
    if (heap_index_ != kNowhere) loop_.remove_timer(*this);
    make_ready();
}

void Waiter::forget() {
    if (heap_index_ != kNowhere) loop_.remove_timer(*this);
    if (ready_place_ != kNowhere) loop_.ready_at(ready_place_) = {};
}

}  // namespace millrace::runtime
