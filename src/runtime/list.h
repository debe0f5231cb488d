// An intrusive doubly linked list. A Link takes itself out when it dies, in O(1) and without
// knowing its list, which is what lets a suspended coroutine be destroyed at any time.
#pragma once

#include "base/check.h"

namespace millrace::runtime {

class Link {
public:
    Link() = default;
    Link(const Link&) = delete;
    // Takes the other's place in its list.
    Link(Link&& other) noexcept { take_place(other); }
    Link& operator=(const Link&) = delete;
    ~Link() { unlink(); }

    bool linked() const { return next_ != nullptr; }
    void unlink() {
        if (!next_) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

private:
    template <typename T>
    friend class List;

    void insert_before(Link& place) {
        DEBUG_INVARIANT(!linked());
        previous_ = place.previous_;
        next_ = &place;
        previous_->next_ = this;
        place.previous_ = this;
    }
    void take_place(Link& other) {
        if (!other.next_) return;
        Link& place = *other.next_;
        other.unlink();
        insert_before(place);
    }

    Link* next_ = nullptr;
    Link* previous_ = nullptr;
};

// T derives from Link. The list does not own; when it dies first, its members are merely unlinked.
template <typename T>
class List {
public:
    List() { head_.next_ = head_.previous_ = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
        while (!empty()) head_.next_->unlink();
        head_.next_ = head_.previous_ = nullptr;
    }

    bool empty() const { return head_.next_ == &head_; }
    T& front() { return static_cast<T&>(*head_.next_); }
    T& back() { return static_cast<T&>(*head_.previous_); }
    void push_back(T& item) { static_cast<Link&>(item).insert_before(head_); }
    // `place` must be in this list.
    void insert_before(T& place, T& item) {
        static_cast<Link&>(item).insert_before(static_cast<Link&>(place));
    }
    // `visit` may not change the list.
    template <typename Visit>
    void for_each(Visit visit) {
        for (Link* at = head_.next_; at != &head_; at = at->next_) visit(static_cast<T&>(*at));
    }

private:
    Link head_;
};

}  // namespace millrace::runtime
