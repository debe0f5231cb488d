// Who may work on which key (group, transactional id) while records of earlier work are still on
// their way to being committed.
//
// A machine decides from committed state only. So between its decision and the commit nothing else
// may decide on the same key: an exclusive stay covers both. Work that commutes (offset commits of
// one group) stays shared, and any number of it is in flight at once. Per key first come, first
// served; keys do not wait for each other.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "runtime/event.h"
#include "runtime/list.h"
#include "runtime/loop.h"

namespace millrace::coordinator {

enum class Access : uint8_t { shared, exclusive };

class Lanes {
public:
    explicit Lanes(runtime::Loop& loop) : loop_(loop) {}
    Lanes(const Lanes&) = delete;

    // The right to work on a key; given back when it dies. Must not outlive the Lanes.
    class [[nodiscard]] Stay {
    public:
        Stay(Lanes& lanes, std::string key, Access access)
            : lanes_(&lanes), key_(std::move(key)), access_(access) {}
        Stay(Stay&& other) noexcept
            : lanes_(std::exchange(other.lanes_, nullptr)),
              key_(std::move(other.key_)),
              access_(other.access_) {}
        Stay& operator=(Stay&&) = delete;
        ~Stay() { end(); }
        void end() {
            if (lanes_) std::exchange(lanes_, nullptr)->leave(key_, access_);
        }

    private:
        Lanes* lanes_;
        std::string key_;
        Access access_;
    };

    // auto stay = co_await lanes.enter(group_id, Access::exclusive);
    struct Enter : runtime::Link {
        Lanes& lanes;
        std::string key;
        Access access;
        runtime::Waiter waiter;
        bool owned = false;  // let in, and not yet in a Stay

        Enter(Lanes& l, std::string k, Access a)
            : lanes(l), key(std::move(k)), access(a), waiter(l.loop_) {}
        ~Enter() {
            unlink();
            if (owned) lanes.leave(key, access);
        }
        bool await_ready() { return owned = lanes.try_enter(key, access); }
        void await_suspend(std::coroutine_handle<> handle) {
            lanes.lanes_[key].waiting.push_back(*this);
            waiter.wait().await_suspend(handle);
        }
        Stay await_resume() {
            owned = false;
            return Stay{lanes, std::move(key), access};
        }
    };
    Enter enter(std::string_view key, Access access) { return {*this, std::string{key}, access}; }

    size_t busy() const { return lanes_.size(); }

private:
    struct Lane {
        uint32_t shared = 0;
        bool exclusive = false;
        runtime::List<Enter> waiting;
        bool admits(Access access) const {
            return !exclusive && (access == Access::shared || shared == 0);
        }
        void admit(Access access) {
            if (access == Access::exclusive)
                exclusive = true;
            else
                shared++;
        }
    };

    bool try_enter(const std::string& key, Access access);
    void leave(const std::string& key, Access access);

    runtime::Loop& loop_;
    std::unordered_map<std::string, Lane> lanes_;
};

}  // namespace millrace::coordinator
