// Share and streams groups: Apache Kafka's records of them are kept, and nobody else gets their id.
#include <doctest/doctest.h>

#include "group/harness.h"
#include "protocol/coordinator_record.h"
#include "protocol/records/share_group_metadata_key.h"
#include "protocol/records/share_group_metadata_value.h"
#include "protocol/records/streams_group_metadata_key.h"
#include "protocol/records/streams_group_metadata_value.h"

namespace millrace::group {
namespace {

template <class Key, class Value>
Record record(std::string_view group, bool gone = false) {
    Key key;
    key.group_id = group;
    Record out;
    out.key = *protocol::encode_coordinator_key(key);
    if (!gone) out.value = *protocol::encode_coordinator_value(Value{}, 0);
    return out;
}

Record share(std::string_view group, bool gone = false) {
    return record<protocol::ShareGroupMetadataKey, protocol::ShareGroupMetadataValue>(group, gone);
}

Record streams(std::string_view group, bool gone = false) {
    return record<protocol::StreamsGroupMetadataKey, protocol::StreamsGroupMetadataValue>(group,
                                                                                          gone);
}

// As it comes out of a log with these records.
struct Loaded {
    explicit Loaded(const std::vector<Record>& log) {
        Effects effects;
        for (const Record& r : log) {
            coordinator::RecordView view{0, r.key, {}};
            if (r.value) view.value = ByteView{*r.value};
            REQUIRE(machine.apply(view, effects));
        }
        machine.loaded(now);
    }

    std::string listed() const {
        std::vector<protocol::ListGroupsResponse::ListedGroup> groups;
        list_groups(machine.table(), {}, groups);
        std::string out;
        for (const auto& g : groups)
            out += fmt::format("{} {} {};", g.group_id.view(), g.group_type.view(),
                               g.protocol_type.view());
        return out;
    }

    GroupConfig config;
    Rng rng{1};
    Now now{.mono_ms = 1'000'000, .wall_ms = 1'700'000'000'000};
    GroupMachine machine{config, rng, std::make_shared<TableView>()};
};

Record offset_of(std::string_view group) {
    return OffsetStore::to_record(group, "t", 0, {.offset = 7, .commit_timestamp = 1});
}

}  // namespace

TEST_CASE("share and streams groups are listed with their type until their record goes") {
    CHECK(Loaded({share("a"), streams("b")}).listed() == "a share share;b streams streams;");
    CHECK(Loaded({share("a"), streams("b"), share("a", true)}).listed() == "b streams streams;");
    CHECK(Loaded({streams("b"), offset_of("b")}).listed() == "b streams streams;");
    CHECK(Loaded({streams("b"), offset_of("b"), streams("b", true)}).listed() == "b classic ;");
}

TEST_CASE("their ids are not given to others, and nothing of them is deleted") {
    for (const Record& kind : {share("g"), streams("g")}) {
        Loaded at({kind, offset_of("g")});
        Effects effects;
        const RequestContext context{.api_version = 9};

        protocol::JoinGroupRequest join;
        join.group_id = "g";
        join.session_timeout_ms = 10'000;
        auto joined = at.machine.join_group(context, join, 1, at.now, effects);
        REQUIRE(joined);
        CHECK(joined->error_code == wire(ErrorCode::inconsistent_group_protocol));

        protocol::ConsumerGroupHeartbeatRequest beat;
        beat.group_id = "g";
        beat.member_id = "m";
        beat.rebalance_timeout_ms = 10'000;
        beat.subscribed_topic_names.emplace().emplace_back("t");
        beat.topic_partitions.emplace();
        CHECK(at.machine.consumer_group_heartbeat(context, beat, at.now, effects).error_code ==
              wire(ErrorCode::group_id_not_found));

        CHECK(at.machine.delete_group("g", effects) == ErrorCode::unsupported_version);
        Now later = at.now;
        later.wall_ms += int64_t{1000} * 86'400'000;
        at.machine.clean_up("g", later, effects);
        CHECK(effects.records.empty());
        CHECK(at.machine.table().offsets.has("g"));
    }
}

TEST_CASE("their members' commits are refused; a tool may set the offsets of a streams group") {
    struct Case {
        Record group;
        int32_t epoch;
        ErrorCode expected;
    };
    for (const Case& c : {Case{streams("g"), -1, ErrorCode::none},
                          Case{streams("g"), 3, ErrorCode::unknown_member_id},
                          Case{share("g"), -1, ErrorCode::unknown_member_id}}) {
        Loaded at({c.group});
        auto view = std::make_shared<TableView>();
        view->topics["t"] = {.name = "t", .id = {1, 1}, .partitions = 1};
        at.machine.set_cluster(view);
        protocol::OffsetCommitRequest commit;
        commit.group_id = "g";
        commit.generation_id_or_member_epoch = c.epoch;
        if (c.epoch >= 0) commit.member_id = "m";
        auto& topic = commit.topics.emplace_back();
        topic.name = "t";
        topic.partitions.emplace_back().committed_offset = 5;
        Effects effects;
        auto answer = at.machine.offset_commit({.api_version = 9}, commit, at.now, effects);
        CHECK(answer.topics[0].partitions[0].error_code == wire(c.expected));
        CHECK(effects.records.size() == (c.expected == ErrorCode::none ? 1 : 0));
    }
}

}  // namespace millrace::group
