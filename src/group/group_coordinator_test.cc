#include "group/group_coordinator.h"

#include <doctest/doctest.h>

#include "group/harness.h"
#include "protocol/codec.h"
#include "runtime/linux_loop.h"
#include "runtime/scope.h"
#include "runtime/test_wait.h"

namespace millrace::group {
namespace {

using runtime::eventually;
using runtime::Task;

class MemoryLog : public coordinator::CoordinatorLog {
public:
    explicit MemoryLog(runtime::Loop& loop) : loop_(loop) {}

    Task<Result<Offset>> append(
        std::span<const Record> batch,
        const std::optional<coordinator::TransactionalWriter>& writer) override {
        auto base = static_cast<Offset>(records.size());
        ErrorCode error = std::exchange(fail_next, ErrorCode::none);
        if (error == ErrorCode::none) {
            for (size_t i = 0; writer && i < batch.size(); ++i)
                writers[base + static_cast<Offset>(i)] = writer->producer_id;
            records.insert(records.end(), batch.begin(), batch.end());
        }
        in_flight++;
        co_await eventually(loop_, [this] { return !held; });
        co_await loop_.yield();
        in_flight--;
        if (error != ErrorCode::none) co_return fail(error);
        co_return base;
    }

    Task<Result<Offset>> append_marker(const coordinator::Marker& marker) override {
        auto offset = static_cast<Offset>(records.size());
        records.emplace_back();  // takes its place
        markers[offset] = marker;
        co_await loop_.yield();
        co_return offset;
    }

    LeaderEpoch epoch() const override { return 0; }

    Task<Result<void>> replay(Visitor& visitor) override {
        replays++;
        co_await eventually(loop_, [this] { return !held; });
        for (size_t i = 0; i < records.size(); i++) {
            const auto offset = static_cast<Offset>(i);
            if (const auto marker = markers.find(offset); marker != markers.end()) {
                CO_TRY_OK(visitor.marker(marker->second));
                continue;
            }
            coordinator::RecordView view{offset, records[i].key, {}};
            if (records[i].value) view.value = ByteView{*records[i].value};
            if (const auto writer = writers.find(offset); writer != writers.end())
                view.producer_id = writer->second;
            CO_TRY_OK(visitor.record(view));
        }
        co_return Result<void>{};
    }

    std::vector<Record> records;
    std::map<Offset, ProducerId> writers;
    std::map<Offset, coordinator::Marker> markers;
    bool held = false;
    ErrorCode fail_next = ErrorCode::none;
    int in_flight = 0;
    int replays = 0;

private:
    runtime::Loop& loop_;
};

struct Node {
    runtime::LinuxLoop loop;
    MemoryLog log{loop};
    GroupConfig config;
    std::shared_ptr<TableView> view = std::make_shared<TableView>();
    std::unique_ptr<GroupCoordinator> groups;

    Node() {
        config.offsets_topic_num_partitions = 1;
        config.group_initial_rebalance_delay_ms = 5;
        config.group_min_session_timeout_ms = 1;
        view->topics["t"] = {"t", {1, 1}, 4};
    }

    // Runs the test with a coordinator, its timers running, partition 0 loaded.
    void run(Task<void> (*test)(Node&)) {
        groups = std::make_unique<GroupCoordinator>(loop, config, view);
        loop.run(with_timers(test));
    }
    Task<void> with_timers(Task<void> (*test)(Node&)) {
        runtime::Scope scope{loop};
        scope.spawn(groups->run());
        Result<void> loaded = co_await groups->load(0, log);
        CHECK(loaded.has_value());
        co_await test(*this);
        co_await groups->unload(0);
        groups->stop();
        co_await scope.join();
    }

    Task<protocol::JoinGroupResponse> join(std::string name, std::string id = {},
                                           int16_t version = 3, int32_t session_ms = 10'000) {
        protocol::JoinGroupRequest request;
        request.group_id = "g";
        request.member_id = id;
        request.session_timeout_ms = session_ms;
        request.rebalance_timeout_ms = 10'000;
        request.protocol_type = "consumer";
        request.protocols.push_back({"range", protocol::Blob{}});
        RequestContext context{version, name, "/127.0.0.1"};
        co_return co_await groups->join_group(context, request);
    }
    Task<protocol::SyncGroupResponse> sync(std::string id, int32_t generation,
                                           std::string for_member = {}) {
        protocol::SyncGroupRequest request;
        request.group_id = "g";
        request.member_id = id;
        request.generation_id = generation;
        if (!for_member.empty())
            request.assignments.push_back({for_member, ByteView{as_bytes("work")}});
        RequestContext context{3, "c", "/127.0.0.1"};
        co_return co_await groups->sync_group(context, request);
    }
    Task<int16_t> commit(int64_t offset, std::string group = "simple") {
        protocol::OffsetCommitRequest request;
        request.group_id = group;
        auto& topic = request.topics.emplace_back();
        topic.name = "t";
        topic.partitions.push_back({.partition_index = 0, .committed_offset = offset});
        RequestContext context{9, "c", "/127.0.0.1"};
        auto response = co_await groups->offset_commit(context, request);
        co_return response.topics.at(0).partitions.at(0).error_code;
    }
    // The group "g" is said to be in this state.
    Task<bool> until_state(std::string_view state) {
        co_return co_await eventually(loop, [this, state]() -> Task<bool> {
            protocol::DescribeGroupsRequest request;
            request.groups.push_back(protocol::Str{"g"});
            RequestContext context{5, "c", "/127.0.0.1"};
            auto response = co_await groups->describe_groups(context, request);
            co_return response.groups.at(0).group_state.view() == state;
        });
    }
    Task<int64_t> committed(std::string group = "simple") {
        protocol::OffsetFetchRequest request;
        request.group_id = group;
        request.topics = {{.name = "t", .partition_indexes = {0}}};
        RequestContext context{7, "c", "/127.0.0.1"};
        auto response = co_await groups->offset_fetch(context, request);
        co_return response.topics.at(0).partitions.at(0).committed_offset;
    }
};

template <typename T>
Task<void> keep(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
}

TEST_CASE("a group lives through the coordinator, and again after a move") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        std::optional<protocol::JoinGroupResponse> a, b;
        runtime::Scope scope{n.loop};
        scope.spawn(keep(n.join("a"), a));
        scope.spawn(keep(n.join("b"), b));
        co_await scope.join();
        REQUIRE(a->error_code == 0);
        REQUIRE(b->error_code == 0);
        CHECK(a->generation_id == 1);
        bool a_leads = a->leader == a->member_id;
        CHECK(a_leads != (b->leader == b->member_id));
        const auto& leader = a_leads ? *a : *b;
        const auto& other = a_leads ? *b : *a;
        CHECK(leader.members.size() == 2);

        std::optional<protocol::SyncGroupResponse> sync_other, sync_leader;
        scope.spawn(keep(n.sync(other.member_id.str(), 1), sync_other));
        scope.spawn(keep(n.sync(leader.member_id.str(), 1, other.member_id.str()), sync_leader));
        co_await scope.join();
        CHECK(as_text(sync_other->assignment) == "work");
        CHECK(as_text(sync_leader->assignment) == "");

        co_await n.groups->unload(0);
        auto gone = co_await n.sync(other.member_id.str(), 1);
        CHECK(gone.error_code == wire(ErrorCode::not_coordinator));
        Result<void> loaded = co_await n.groups->load(0, n.log);
        CHECK(loaded.has_value());
        auto again = co_await n.sync(other.member_id.str(), 1);
        CHECK(as_text(again.assignment) == "work");
    });
}

TEST_CASE("who waits in a join when the partition goes is told so") {
    Node node;
    node.config.group_initial_rebalance_delay_ms = 60'000;
    node.run([](Node& n) -> Task<void> {
        std::optional<protocol::JoinGroupResponse> a;
        runtime::Scope scope{n.loop};
        scope.spawn(keep(n.join("a"), a));
        CHECK(co_await n.until_state("PreparingRebalance"));
        CHECK(!a.has_value());
        co_await n.groups->unload(0);
        co_await scope.join();
        CHECK(a->error_code == wire(ErrorCode::not_coordinator));
    });
}

TEST_CASE("requests during a load are told to wait") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        co_await n.groups->unload(0);
        n.log.held = true;
        runtime::Scope scope{n.loop};
        std::optional<Result<void>> loaded;
        const int before = n.log.replays;
        scope.spawn(keep(n.groups->load(0, n.log), loaded));
        CHECK(co_await eventually(n.loop, [&] { return n.log.replays > before; }));
        int16_t error = co_await n.commit(1);
        CHECK(error == wire(ErrorCode::coordinator_load_in_progress));
        protocol::ListGroupsRequest list;
        RequestContext context{5, "c", "/127.0.0.1"};
        auto listed = co_await n.groups->list_groups(context, list);
        CHECK(listed.error_code == wire(ErrorCode::coordinator_load_in_progress));
        n.log.held = false;
        co_await scope.join();
        CHECK(loaded->has_value());
        error = co_await n.commit(1);
        CHECK(error == 0);
    });
}

TEST_CASE("an unload in the middle of a load ends it") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        co_await n.commit(1);
        co_await n.groups->unload(0);
        n.log.held = true;
        runtime::Scope scope{n.loop};
        std::optional<Result<void>> loaded;
        const int before = n.log.replays;
        scope.spawn(keep(n.groups->load(0, n.log), loaded));
        CHECK(co_await eventually(n.loop, [&] { return n.log.replays > before; }));
        scope.spawn(n.groups->unload(0));
        CHECK(co_await eventually(n.loop, [&]() -> Task<bool> {
            co_return co_await n.commit(1) == wire(ErrorCode::not_coordinator);
        }));
        n.log.held = false;
        co_await scope.join();
        CHECK(loaded->code() == ErrorCode::cancelled);
        int16_t error = co_await n.commit(1);
        CHECK(error == wire(ErrorCode::not_coordinator));
    });
}

TEST_CASE("offset commits of one group are in flight together, the last one wins") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        n.log.held = true;
        runtime::Scope scope{n.loop};
        std::vector<std::optional<int16_t>> errors(20);
        for (size_t i = 0; i < errors.size(); i++)
            scope.spawn(keep(n.commit(static_cast<int64_t>(i)), errors[i]));
        CHECK(co_await eventually(n.loop, [&] { return n.log.in_flight == 20; }));
        int64_t before = co_await n.committed();
        CHECK(before == -1);  // nothing is committed yet
        n.log.held = false;
        co_await scope.join();
        for (auto& error : errors) CHECK(error == 0);
        int64_t after = co_await n.committed();
        CHECK(after == 19);
        size_t offsets = 0;
        n.groups->each_committed_offset([&](const CommittedOffset& o) {
            offsets++;
            CHECK(o.group_id == "simple");
            CHECK(o.offset == 19);
        });
        CHECK(offsets == 1);
    });
}

TEST_CASE("a commit that the log refuses changes nothing") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        struct Row {
            ErrorCode log, client;
        };
        for (Row row : {Row{ErrorCode::not_enough_replicas, ErrorCode::coordinator_not_available},
                        Row{ErrorCode::not_leader_or_follower, ErrorCode::not_coordinator},
                        Row{ErrorCode::message_too_large, ErrorCode::invalid_commit_offset_size}}) {
            n.log.fail_next = row.log;
            int16_t error = co_await n.commit(5);
            CHECK(error == wire(row.client));
        }
        int64_t offset = co_await n.committed();
        CHECK(offset == -1);
    });
}

TEST_CASE("records are applied even when the request that made them is dropped") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        n.log.held = true;
        {
            runtime::DroppingScope scope{n.loop};
            std::optional<int16_t> error;
            scope.spawn(keep(n.commit(7), error));
            CHECK(co_await eventually(n.loop, [&] { return n.log.in_flight == 1; }));
        }
        n.log.held = false;
        CHECK(co_await eventually(n.loop,
                                  [&]() -> Task<bool> { co_return co_await n.committed() == 7; }));
    });
}

TEST_CASE("a session ends without a heartbeat") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        auto a = co_await n.join("a", {}, 3, 20);
        CHECK(a.error_code == 0);
        co_await n.sync(a.member_id.str(), 1);
        CHECK(co_await n.until_state("Empty"));
        auto gone = co_await n.sync(a.member_id.str(), 1);
        CHECK(gone.error_code == wire(ErrorCode::unknown_member_id));
    });
}

// What a handler answers must be encodable in every version that can ask.
template <typename M>
void check_encodes(const M& response, int16_t version) {
    CAPTURE(M::kName);
    CAPTURE(version);
    auto encoded = protocol::encode_to_bytes(response, version);
    CHECK_MESSAGE(encoded.has_value(), (encoded ? std::string{} : encoded.error().describe()));
}

TEST_CASE("answers can be encoded in every version, of known and unknown groups, loaded or not") {
    Node node;
    node.run([](Node& n) -> Task<void> {
        for (int round = 0; round < 2; round++) {
            for (int16_t v = 0; v <= 9; v++) {
                auto joined = co_await n.join("a", v % 2 ? "who" : "", v);
                check_encodes(joined, v);
            }
            int16_t committed = co_await n.commit(3);
            CHECK((committed == 0) == (round == 0));
            for (int16_t v = 0; v <= 5; v++) {
                RequestContext context{v, "c", "/127.0.0.1"};
                protocol::LeaveGroupRequest leave;
                leave.group_id = "g";
                leave.member_id = "x";
                leave.members = {{.member_id = "x", .group_instance_id = "i"}};
                auto left = co_await n.groups->leave_group(context, leave);
                check_encodes(left, v);
                protocol::SyncGroupRequest sync;
                sync.group_id = "g";
                auto synced = co_await n.groups->sync_group(context, sync);
                check_encodes(synced, v);
                protocol::ListGroupsRequest list;
                auto listed = co_await n.groups->list_groups(context, list);
                check_encodes(listed, v);
            }
            for (int16_t v = 0; v <= 6; v++) {
                RequestContext context{v, "c", "/127.0.0.1"};
                protocol::DescribeGroupsRequest describe;
                describe.groups = {"g", "simple", "none"};
                auto described = co_await n.groups->describe_groups(context, describe);
                check_encodes(described, v);
            }
            for (int16_t v = 1; v <= 10; v++) {
                RequestContext context{v, "c", "/127.0.0.1"};
                protocol::OffsetFetchRequest fetch;
                fetch.group_id = "simple";
                fetch.topics = {{.name = "t", .partition_indexes = {0, 1}}};
                fetch.groups = {{.group_id = "simple", .topics = std::nullopt}};
                auto fetched = co_await n.groups->offset_fetch(context, fetch);
                check_encodes(fetched, v);
                if (v < 2) continue;
                protocol::OffsetCommitRequest commit;
                commit.group_id = "simple";
                commit.topics = {
                    {.name = "t", .topic_id = {1, 1}, .partitions = {{.partition_index = 0}}}};
                auto response = co_await n.groups->offset_commit(context, commit);
                check_encodes(response, v);
                CHECK(response.topics.at(0).partitions.at(0).error_code ==
                      (round == 0 ? 0 : wire(ErrorCode::not_coordinator)));
            }
            for (int16_t v = 0; v <= 1; v++) {
                RequestContext context{v, "c", "/127.0.0.1"};
                protocol::ConsumerGroupHeartbeatRequest beat;
                beat.group_id = "k";
                beat.member_id = "m";
                beat.rebalance_timeout_ms = 1000;
                beat.subscribed_topic_names = {"t"};
                beat.topic_partitions.emplace();
                auto answer = co_await n.groups->consumer_group_heartbeat(context, beat);
                check_encodes(answer, v);
                protocol::ConsumerGroupDescribeRequest describe;
                describe.group_ids = {"k", "g", ""};
                auto described = co_await n.groups->consumer_group_describe(context, describe);
                check_encodes(described, v);
            }
            co_await n.groups->unload(0);
        }
    });
}

}  // namespace
}  // namespace millrace::group
