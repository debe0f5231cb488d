#include "client/group_membership.h"

#include <algorithm>
#include <iterator>

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

runtime::Task<void> give_back_now(MembershipContext& context, std::vector<TopicPartition> places,
                                  Leaving how) {
    for (const TopicPartition& place : places)
        if (const auto p = context.table.find(place)) p->leaving = true;
    if (how == Leaving::revoked) co_await context.commit_before_revocation();
    if (context.listener) {
        if (how == Leaving::lost)
            co_await context.listener->lost(places);
        else
            co_await context.listener->revoked(places);
    }
    std::vector<TopicPartition> kept;
    std::ranges::set_difference(context.table.places(), places, std::back_inserter(kept));
    context.table.assign(kept);
}

}  // namespace millrace::client
