// The state machine of one partition of __consumer_offsets: inputs are requests, timers and new
// metadata; outputs are replies, records, and replies to earlier requests. Pure: no I/O, no clock,
// no suspension.
//
// The contract with its driver is coordinator/effects.h. Between an input's call and the end of its
// effects no other input may work on the same group, but for those marked shared, which may meet
// each other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "group/admin.h"
#include "group/classic_protocol.h"
#include "group/consumer_protocol.h"
#include "group/mixed.h"
#include "group/offset_protocol.h"
#include "group/table.h"

namespace millrace::group {

// What one input may delete at a time, so that its batch stays small.
constexpr size_t kTombstonesMax = 1'000;

class GroupMachine {
public:
    using Reply = ParkedReply;

    // Config and generator must outlive it.
    GroupMachine(const GroupConfig& config, Rng& rng, std::shared_ptr<const ClusterView> cluster);
    GroupMachine(const GroupMachine&) = delete;

    // --- the log

    // While loading, every record of the log in order; after loaded(), every record of Effects once
    // it is committed. Unknown record types are skipped. Errors: malformed, unsupported_version.
    Result<void> apply(const coordinator::RecordView& record, Effects& effects);
    // The transaction of the marker's producer has ended: its offsets count from now on, or never.
    void apply(const coordinator::Marker& marker) { table_.offsets.apply(marker); }
    void loaded(Now now);

    // --- requests of members; exclusive unless marked

    // To be committed before a join_group(): a group of the consumer protocol without members does
    // not keep its protocol.
    bool is_empty_consumer_group(std::string_view group_id) const;
    void make_way_for_classic(std::string_view group_id, Effects& effects);
    std::optional<protocol::JoinGroupResponse> join_group(const RequestContext& context,
                                                          const protocol::JoinGroupRequest& request,
                                                          Token token, Now now, Effects& effects);
    std::optional<protocol::SyncGroupResponse> sync_group(const protocol::SyncGroupRequest& request,
                                                          Token token, Now now, Effects& effects);
    protocol::HeartbeatResponse heartbeat(const protocol::HeartbeatRequest& request,
                                          Now now);  // shared
    protocol::LeaveGroupResponse leave_group(const protocol::LeaveGroupRequest& request, Now now,
                                             Effects& effects);
    protocol::ConsumerGroupHeartbeatResponse consumer_group_heartbeat(
        const RequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request,
        Now now, Effects& effects);

    // --- offsets
    protocol::OffsetCommitResponse offset_commit(const RequestContext& context,
                                                 const protocol::OffsetCommitRequest& request,
                                                 Now now,
                                                 Effects& effects);  // shared
    // The effects' writer says of which transaction.
    protocol::TxnOffsetCommitResponse txn_offset_commit(
        const RequestContext& context, const protocol::TxnOffsetCommitRequest& request, Now now,
        Effects& effects);  // shared
    protocol::OffsetDeleteResponse offset_delete(const protocol::OffsetDeleteRequest& request,
                                                 Effects& effects);
    const OffsetProtocol& offsets() const { return offsets_; }

    // --- time. Due timers are inputs of their groups: each goes to on_timer when its group is
    // free.
    std::optional<int64_t> next_deadline() const { return table_.timers.next(); }
    std::vector<Timer> take_due(Now now) { return table_.timers.take_due(now.mono_ms); }
    void on_timer(const Timer& timer, Now now, Effects& effects);
    // What retention lets go, and the group itself when nothing keeps it.
    void clean_up(std::string_view group_id, Now now, Effects& effects);
    void remove_deleted_topics(std::string_view group_id, Effects& effects);

    // --- tools
    ErrorCode delete_group(std::string_view group_id, Effects& effects);
    const GroupTable& table() const { return table_; }
    std::vector<std::string> group_ids() const;

    void set_cluster(std::shared_ptr<const ClusterView> cluster) {
        table_.cluster = std::move(cluster);
    }

private:
    Result<void> apply_classic(const coordinator::RecordView& record, Effects& effects);
    Result<void> apply_consumer(int16_t type, const coordinator::RecordView& record,
                                Effects& effects);
    template <class Key>
    Result<void> apply_foreign(std::string_view type, const coordinator::RecordView& record,
                               Effects& effects);
    void erase_group(std::string_view group_id, Effects& effects);

    GroupTable table_;
    ClassicProtocol classic_{table_};
    ConsumerProtocol consumer_{table_};
    MixedProtocol mixed_{table_, consumer_};
    OffsetProtocol offsets_{table_};
    bool loading_ = true;
};

}  // namespace millrace::group
