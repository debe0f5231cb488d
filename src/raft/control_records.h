// The control records of the metadata log and its snapshots: who leads an epoch, kraft.version, who
// votes.
//
// Bodies are the stored structures of protocol/records, always version 0; type numbers in
// protocol/control_record.h.
// Kafka: ControlRecordUtils, LeaderState.appendStartOfEpochControlRecords.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "protocol/record_batch.h"
#include "protocol/record_batch_builder.h"
#include "raft/voters.h"

namespace millrace::raft {

// What the control records of a log or a snapshot said last.
struct ControlState {
    int16_t kraft_version = 0;
    std::vector<Voter> voters;  // only where kraft.version >= 1
    // They stand in the log (or a snapshot of it), not only in the 0-0 checkpoint.
    bool voters_in_log = false;
};

// Takes up one control record; types that do not matter here are passed over. Errors: malformed.
Result<void> take_control_record(const protocol::RecordView& record, ControlState& state);

void append_leader_change(protocol::BatchBuilder& batch, TimestampMs now, NodeId leader,
                          const std::vector<Voter>& voters);
void append_kraft_version(protocol::BatchBuilder& batch, TimestampMs now, int16_t level);
void append_voters(protocol::BatchBuilder& batch, TimestampMs now,
                   const std::vector<Voter>& voters);

}  // namespace millrace::raft
