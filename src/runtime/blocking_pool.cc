#include "runtime/blocking_pool.h"

#include <algorithm>

namespace millrace::runtime {

BlockingPool::~BlockingPool() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    filled_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void BlockingPool::submit(std::shared_ptr<Job> job) {
    Job& raw = *job;
    raw.self_ = std::move(job);
    const std::lock_guard lock{mutex_};
    queue_.push_back(&raw);
    if (queue_.size() > idle_ && threads_.size() < threads_max_)
        threads_.emplace_back([this] { serve(); });
    filled_.notify_one();
}

void BlockingPool::give_up(Job& job) {
    job.waiter.reset();
    std::unique_lock lock{mutex_};
    if (job.state_ == Job::State::queued) {
        std::erase(queue_, &job);
        job.state_ = Job::State::done;
        job.self_.reset();  // the caller has another reference
        return;
    }
    finished_.wait(lock, [&] { return job.state_ == Job::State::done; });
}

void BlockingPool::serve() {
    std::unique_lock lock{mutex_};
    for (;;) {
        ++idle_;
        filled_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) return;
        Job& job = *queue_.front();
        queue_.pop_front();
        job.state_ = Job::State::running;
        lock.unlock();
        job.work();
        lock.lock();
        job.state_ = Job::State::done;
        finished_.notify_all();
        // Still under the mutex: the task may go away as soon as it sees `done`, the job not.
        job.home_.post_remote(job);
    }
}

void BlockingPool::Job::run() {
    const std::shared_ptr<Job> last = std::move(self_);
    if (waiter) waiter->wake();
}

}  // namespace millrace::runtime
