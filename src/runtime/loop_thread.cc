#include "runtime/loop_thread.h"

#include <pthread.h>

#include <csignal>

namespace millrace::runtime {
namespace {

// The task is made on the calling thread and lives in its frame; only the start crosses over.
struct Start final : Remote {
    Start(Scope& in, Task<void> what) : scope(in), work(std::move(what)) {}
    void run() override { scope.spawn(std::move(work)); }

    Scope& scope;
    Task<void> work;
};

}  // namespace

LoopThread::LoopThread() {
    // Signals are the program's: its own threads take them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { machine_.loop().run(serve()); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LoopThread::~LoopThread() {
    machine_.loop().post_remote(ending_);
    thread_.join();
}

Task<void> LoopThread::serve() {
    co_await ending_.ended.wait();
    co_await calls_.join();
}

void LoopThread::run_and_wait(Inbox& inbox, Task<void> work) {
    INVARIANT(Loop::current_or_null() != &machine_.loop());
    Start start{calls_, std::move(work)};
    machine_.loop().post_remote(start);
    inbox.run_until_finished();
}

}  // namespace millrace::runtime
