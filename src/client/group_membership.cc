#include "client/group_membership.h"

#include <algorithm>
#include <iterator>

namespace millrace::client {

runtime::Task<void> PollGate::run(runtime::Task<void> work) {
    INVARIANT(!work_);
    done_.reset();
    work_.emplace(std::move(work));
    handed_over_ = loop_.now();
    events.put();
    changed.notify();
    co_await done_.wait();
}

void PollGate::forget() {
    if (!work_) return;
    work_.reset();
    events.given_up();
}

runtime::Task<void> PollGate::serve() {
    if (!work_) co_return;
    runtime::Task<void> work = *std::move(work_);
    work_.reset();
    const auto began = loop_.read_clock();
    events.taken(handed_over_, loop_.now());
    co_await std::move(work);
    events.work.record(loop_.now(), loop_.read_clock() - began);
    done_.set();
}

runtime::Task<void> tell(std::shared_ptr<RebalanceListener> listener, CoordinatorLink& link,
                         Change change, std::span<const TopicPartition> places) {
    if (!listener) co_return;
    const auto began = link.read_clock();
    Sampled* took = nullptr;
    switch (change) {
        case Change::assigned:
            took = &link.stats.assigned_time;
            co_await listener->assigned(places);
            break;
        case Change::revoked:
            took = &link.stats.revoked_time;
            co_await listener->revoked(places);
            break;
        case Change::lost:
            took = &link.stats.lost_time;
            co_await listener->lost(places);
            break;
    }
    const auto now = link.read_clock();
    took->record(now, now - began);
}

runtime::Task<void> give_back_now(MembershipContext& context, std::vector<TopicPartition> places,
                                  Change how) {
    for (const TopicPartition& place : places)
        if (const auto p = context.table.find(place)) p->leaving = true;
    if (how == Change::revoked) co_await context.commit_before_revocation();
    co_await tell(context.listener, context.link, how, places);
    std::vector<TopicPartition> kept;
    std::ranges::set_difference(context.table.places(), places, std::back_inserter(kept));
    context.table.assign(kept);
}

}  // namespace millrace::client
