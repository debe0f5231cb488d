#include "client/group_membership.h"

namespace millrace::client {

runtime::Task<void> PollGate::run(runtime::Task<void> work) {
    INVARIANT(!work_);
    done_.reset();
    work_.emplace(std::move(work));
    changed.notify();
    co_await done_.wait();
}

runtime::Task<void> PollGate::serve() {
    if (!work_) co_return;
    runtime::Task<void> work = *std::move(work_);
    work_.reset();
    co_await std::move(work);
    done_.set();
}

}  // namespace millrace::client
