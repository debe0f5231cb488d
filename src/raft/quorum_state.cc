#include "raft/quorum_state.h"

#include <limits>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

namespace millrace::raft {
namespace {

Error damaged(std::string_view why) {
    return fail(ErrorCode::malformed, fmt::format("{}: {}", kQuorumStateName, why));
}

// An int32 field; `fallback` when it is missing.
Result<int32_t> number(const simdjson::dom::object& object, const char* name,
                       std::optional<int32_t> fallback) {
    int64_t value = 0;
    const auto error = object[name].get(value);
    if (error == simdjson::NO_SUCH_FIELD && fallback) return *fallback;
    if (error || value < std::numeric_limits<int32_t>::min() ||
        value > std::numeric_limits<int32_t>::max())
        return damaged(fmt::format("no sound {}", name));
    return static_cast<int32_t>(value);
}

}  // namespace

Result<QuorumState> parse_quorum_state(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(simdjson::padded_string(text)).get(object))
        return damaged("not a JSON object");
    TRY(const int32_t version, number(object, "data_version", std::nullopt));
    if (version < 0 || version > 1) return damaged(fmt::format("data_version {}", version));
    QuorumState state;
    TRY(state.leader_id, number(object, "leaderId", -1));
    TRY(state.leader_epoch, number(object, "leaderEpoch", std::nullopt));
    TRY(state.voted_id, number(object, "votedId", -1));
    if (state.leader_epoch < 0) return damaged("a negative epoch");
    std::string_view directory;
    if (!object["votedDirectoryId"].get(directory)) {
        TRY(state.voted_directory_id, Uuid::parse(directory));
    }
    return state;
}

std::string format_quorum_state(const QuorumState& state, int16_t kraft_version,
                                const std::vector<Voter>& voters) {
    if (kraft_version >= 1) {
        return fmt::format(
            R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}",)"
            R"("data_version":1}})",
            state.leader_id, state.leader_epoch, state.voted_id,
            state.voted_directory_id.to_string());
    }
    std::string list;
    for (const Voter& v : voters) {
        if (!list.empty()) list += ',';
        list += fmt::format(R"({{"voterId":{}}})", v.id);
    }
    return fmt::format(
        R"({{"clusterId":"","leaderId":{},"leaderEpoch":{},"votedId":{},"appliedOffset":0,)"
        R"("currentVoters":[{}],"data_version":0}})",
        state.leader_id, state.leader_epoch, state.voted_id, list);
}

}  // namespace millrace::raft
