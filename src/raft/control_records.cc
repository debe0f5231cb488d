#include "raft/control_records.h"

#include "base/check.h"
#include "protocol/codec.h"
#include "protocol/records/k_raft_version_record.h"
#include "protocol/records/leader_change_message.h"
#include "protocol/records/voters_record.h"

namespace millrace::raft {
namespace {

using protocol::ControlType;

template <typename M>
void append(protocol::BatchBuilder& batch, TimestampMs now, ControlType type, const M& body) {
    auto bytes = protocol::encode_to_bytes(body, 0);
    INVARIANT(bytes.has_value());
    batch.append_control(now, type, *bytes);
}

std::vector<Voter> voters_of(const protocol::VotersRecord& record) {
    std::vector<Voter> voters;
    for (const auto& v : record.voters) {
        Voter& to = voters.emplace_back();
        to.id = v.voter_id;
        to.directory_id = v.voter_directory_id;
        to.kraft_version_min = v.k_raft_version_feature.min_supported_version;
        to.kraft_version_max = v.k_raft_version_feature.max_supported_version;
        for (const auto& e : v.endpoints)
            to.endpoints.push_back(
                {.listener = e.name.str(), .host = e.host.str(), .port = e.port});
    }
    return voters;
}

}  // namespace

Result<void> take_control_record(const protocol::RecordView& record, ControlState& state) {
    if (!record.key || !record.value)
        return fail(ErrorCode::malformed, "a control record without key or value");
    TRY(const ControlType type, protocol::decode_control_key(*record.key));
    if (type == ControlType::kraft_version) {
        TRY(auto body, protocol::decode<protocol::KRaftVersionRecord>(*record.value, 0));
        state.kraft_version = body.k_raft_version;
    } else if (type == ControlType::kraft_voters) {
        TRY(auto body, protocol::decode<protocol::VotersRecord>(*record.value, 0));
        state.voters = voters_of(body);
        state.voters_in_log = true;
    }
    return {};
}

void append_leader_change(protocol::BatchBuilder& batch, TimestampMs now, NodeId leader,
                          const std::vector<Voter>& voters) {
    protocol::LeaderChangeMessage body;
    body.leader_id = leader;
    for (const Voter& v : voters) body.voters.emplace_back().voter_id = v.id;
    body.granting_voters.emplace_back().voter_id = leader;
    append(batch, now, ControlType::leader_change, body);
}

void append_kraft_version(protocol::BatchBuilder& batch, TimestampMs now, int16_t level) {
    protocol::KRaftVersionRecord body;
    body.k_raft_version = level;
    append(batch, now, ControlType::kraft_version, body);
}

void append_voters(protocol::BatchBuilder& batch, TimestampMs now,
                   const std::vector<Voter>& voters) {
    protocol::VotersRecord body;
    for (const Voter& v : voters) {
        auto& to = body.voters.emplace_back();
        to.voter_id = v.id;
        to.voter_directory_id = v.directory_id;
        to.k_raft_version_feature.min_supported_version = v.kraft_version_min;
        to.k_raft_version_feature.max_supported_version = v.kraft_version_max;
        for (const VoterEndpoint& e : v.endpoints) {
            auto& endpoint = to.endpoints.emplace_back();
            endpoint.name = protocol::Str::borrow(e.listener);
            endpoint.host = protocol::Str::borrow(e.host);
            endpoint.port = e.port;
        }
    }
    append(batch, now, ControlType::kraft_voters, body);
}

}  // namespace millrace::raft
