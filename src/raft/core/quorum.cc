#include "raft/core/quorum.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace millrace::raft {

Result<Quorum> Quorum::make(Local local, Found found) {
    if (found.voters.size() != 1) {
        return fail(ErrorCode::inconsistent_voter_set,
                    fmt::format("the quorum has {} voters; this node runs alone or not at all",
                                found.voters.size()));
    }
    const Voter& voter = found.voters.front();
    if (voter.id != local.id) {
        return fail(
            ErrorCode::inconsistent_voter_set,
            fmt::format("the quorum's voter is node {}, this is node {}", voter.id, local.id));
    }
    if (found.kraft_version >= 1 && voter.directory_id != local.directory_id) {
        return fail(ErrorCode::inconsistent_voter_set,
                    fmt::format("the quorum's voter has directory id {}, this node's metadata "
                                "directory has {}",
                                voter.directory_id.to_string(), local.directory_id.to_string()));
    }
    return Quorum(local, std::move(found));
}

Quorum::Quorum(Local local, Found found)
    : local_(local),
      state_(found.state),
      voters_(std::move(found.voters)),
      kraft_version_(found.kraft_version),
      log_end_(found.log_end) {
    state_.leader_epoch = std::max(state_.leader_epoch, found.last_log_epoch);
}

QuorumState Quorum::campaign() {
    INVARIANT(role_ == Role::unattached);
    role_ = Role::candidate;
    state_ = {.leader_id = -1,
              .leader_epoch = state_.leader_epoch + 1,
              .voted_id = local_.id,
              .voted_directory_id = kraft_version_ >= 1 ? local_.directory_id : Uuid{}};
    return state_;
}

QuorumState Quorum::persisted() {
    INVARIANT(role_ == Role::candidate);
    role_ = Role::leader;
    state_ = {.leader_id = local_.id, .leader_epoch = state_.leader_epoch};
    return state_;
}

void Quorum::appended(Offset end) {
    INVARIANT(role_ == Role::leader);
    INVARIANT(end >= log_end_);
    log_end_ = end;
}

bool Quorum::synced(Offset end) {
    INVARIANT(role_ == Role::leader);
    INVARIANT(end <= log_end_);
    if (end <= high_watermark_) return false;
    high_watermark_ = end;
    return true;
}

}  // namespace millrace::raft
