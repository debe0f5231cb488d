#include "raft/quorum_state.h"

#include <doctest/doctest.h>

#include "raft/core/quorum.h"

namespace millrace::raft {
namespace {

TEST_CASE("quorum-state is read and written as Apache Kafka does") {
    const std::string_view dynamic =
        R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,)"
        R"("votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})";
    auto state = parse_quorum_state(dynamic);
    REQUIRE(state);
    CHECK(*state == QuorumState{.leader_id = 1, .leader_epoch = 2});
    CHECK(format_quorum_state(*state, 1, {}) == dynamic);

    const std::string_view fixed =
        R"({"clusterId":"","leaderId":1,"leaderEpoch":9,"votedId":-1,"appliedOffset":0,)"
        R"("currentVoters":[{"voterId":1}],"data_version":0})";
    state = parse_quorum_state(fixed);
    REQUIRE(state);
    CHECK(*state == QuorumState{.leader_id = 1, .leader_epoch = 9});
    CHECK(format_quorum_state(*state, 0, {{.id = 1}}) == fixed);

    state = parse_quorum_state(R"({"leaderId":-1,"leaderEpoch":3,"votedId":1,)"
                               R"("votedDirectoryId":"MhSPZ576TmONLIeIVJoEzA","data_version":1})");
    REQUIRE(state);
    CHECK(state->voted_directory_id.to_string() == "MhSPZ576TmONLIeIVJoEzA");

    for (std::string_view bad :
         {"", "{", "[]", "{}", R"({"leaderEpoch":1})", R"({"leaderEpoch":1,"data_version":2})",
          R"({"leaderEpoch":-1,"data_version":1})",
          R"({"leaderEpoch":99999999999,"data_version":1})",
          R"({"leaderEpoch":"1","data_version":1})",
          R"({"leaderEpoch":1,"votedDirectoryId":"x","data_version":1})"}) {
        CAPTURE(bad);
        CHECK(parse_quorum_state(bad).code() != ErrorCode::none);
    }
}

const Uuid kDirectory{5, 6};

Quorum::Found found(LeaderEpoch state_epoch, LeaderEpoch log_epoch, Offset end) {
    return {.state = {.leader_epoch = state_epoch},
            .last_log_epoch = log_epoch,
            .log_end = end,
            .kraft_version = 1,
            .voters = {{.id = 1, .directory_id = kDirectory}}};
}

TEST_CASE("one voter elects itself with an epoch that neither file nor log has seen") {
    struct Case {
        LeaderEpoch state, log, wanted;
    };
    for (const Case& c : {Case{0, 0, 1}, Case{4, 2, 5}, Case{2, 7, 8}}) {
        auto quorum = Quorum::make({1, kDirectory}, found(c.state, c.log, 10));
        REQUIRE(quorum);
        CHECK_FALSE(quorum->is_leader());
        CHECK(quorum->campaign() == QuorumState{.leader_id = -1,
                                                .leader_epoch = c.wanted,
                                                .voted_id = 1,
                                                .voted_directory_id = kDirectory});
        CHECK(quorum->persisted() == QuorumState{.leader_id = 1, .leader_epoch = c.wanted});
        CHECK(quorum->is_leader());
        CHECK(quorum->high_watermark() == -1);
        quorum->appended(11);
        CHECK(quorum->high_watermark() == -1);
        CHECK(quorum->synced(11));
        CHECK(quorum->high_watermark() == 11);
        quorum->appended(15);
        CHECK(quorum->synced(13));
        CHECK_FALSE(quorum->synced(12));
        CHECK(quorum->high_watermark() == 13);
    }
}

TEST_CASE("a quorum that is not this node alone is refused") {
    auto none = found(0, 0, 0);
    none.voters.clear();
    auto two = found(0, 0, 0);
    two.voters.push_back({.id = 2});
    CHECK(Quorum::make({1, kDirectory}, none).code() == ErrorCode::inconsistent_voter_set);
    CHECK(Quorum::make({1, kDirectory}, two).code() == ErrorCode::inconsistent_voter_set);
    CHECK(Quorum::make({2, kDirectory}, found(0, 0, 0)).code() ==
          ErrorCode::inconsistent_voter_set);
    CHECK(Quorum::make({1, Uuid{9, 9}}, found(0, 0, 0)).code() ==
          ErrorCode::inconsistent_voter_set);
    auto fixed = found(0, 0, 0);
    fixed.kraft_version = 0;  // directory ids mean nothing there
    CHECK(Quorum::make({1, Uuid{9, 9}}, fixed));
}

}  // namespace
}  // namespace millrace::raft
