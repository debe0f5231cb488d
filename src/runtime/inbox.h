// Functions that other threads hand to one that waits for something.
//
//   Inbox inbox;
//   start_elsewhere(inbox);       // there: inbox.post(fn) any number of times, then inbox.finish()
//   inbox.run_until_finished();
//
// The waiting thread owns it; nobody may touch it after finish().
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace millrace::runtime {

class Inbox {
public:
    void post(std::function<void()> fn);
    void finish();
    // Runs what is posted, in that order, and returns when all of it has run after finish().
    void run_until_finished();

private:
    std::mutex mutex_;  // docs/LOCKS.md; guards all below
    std::condition_variable changed_;
    std::deque<std::function<void()>> posted_;
    bool finished_ = false;
};

}  // namespace millrace::runtime
