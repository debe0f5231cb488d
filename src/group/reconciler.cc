#include "group/reconciler.h"

namespace millrace::group {
namespace {

bool still_owns(const TopicPartitions& revoking, const TopicPartitions* owned) {
    return owned == nullptr || intersects(*owned, revoking);
}

void set_epoch(ConsumerMember& member, int32_t epoch) {
    member.previous_epoch = member.epoch;
    member.epoch = epoch;
}

// Epochs of what is kept stay; new partitions get the member's epoch.
void keep_epochs(ConsumerMember& member) {
    std::map<std::pair<Uuid, PartitionIndex>, int32_t> epochs;
    auto keep = [&](const Uuid& topic, PartitionIndex partition) {
        auto at = member.assignment_epochs.find({topic, partition});
        epochs[{topic, partition}] =
            at == member.assignment_epochs.end() ? member.epoch : at->second;
    };
    each(member.assigned, keep);
    each(member.revoking, keep);
    member.assignment_epochs = std::move(epochs);
}

ConsumerMember next_step(const ConsumerMember& member, const ReconcileInput& in) {
    ConsumerMember next = member;
    TopicPartitions keep = intersection(member.assigned, *in.target);
    TopicPartitions give_up = difference(member.assigned, *in.target);
    TopicPartitions missing = difference(*in.target, keep);
    TopicPartitions take =
        filter(missing, [&](const Uuid& t, PartitionIndex p) { return !in.is_owned(t, p); });
    bool unreleased = count(take) < count(missing);

    next.assigned = std::move(keep);
    if (!give_up.empty() && still_owns(give_up, in.owned)) {
        next.state = MemberState::unrevoked_partitions;
        next.revoking = std::move(give_up);
        set_epoch(next, member.epoch);
    } else {
        add_all(next.assigned, take);
        next.revoking.clear();
        next.state = unreleased ? MemberState::unreleased_partitions : MemberState::stable;
        set_epoch(next, in.target_epoch);
    }
    keep_epochs(next);
    return next;
}

// Before a new target is computed: partitions of topics that the member no longer wants go at once.
ConsumerMember drop_unsubscribed(const ConsumerMember& member, const ReconcileInput& in) {
    TopicPartitions keep =
        filter(member.assigned, [&](const Uuid& t, PartitionIndex) { return in.subscribes(t); });
    TopicPartitions dropped = difference(member.assigned, keep);
    if (dropped.empty()) return member;
    ConsumerMember next = member;
    next.assigned = std::move(keep);
    if (still_owns(dropped, in.owned)) {
        add_all(next.revoking, dropped);
        next.state = MemberState::unrevoked_partitions;
        set_epoch(next, member.epoch);
    }
    keep_epochs(next);
    return next;
}

}  // namespace

ConsumerMember reconcile(const ConsumerMember& member, const ReconcileInput& in) {
    switch (member.state) {
        case MemberState::stable:
            if (member.epoch != in.target_epoch) return next_step(member, in);
            break;
        case MemberState::unrevoked_partitions:
            if (!still_owns(member.revoking, in.owned)) return next_step(member, in);
            break;
        case MemberState::unreleased_partitions:
            if (ConsumerMember next = next_step(member, in); next.epoch != member.epoch ||
                                                             next.state != member.state ||
                                                             next.assigned != member.assigned)
                return next;
            break;
    }
    return drop_unsubscribed(member, in);
}

}  // namespace millrace::group
