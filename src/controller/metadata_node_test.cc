// The metadata node on a real disk. Crashes are in sim/metadata_node_test.cc.
// With MILLRACE_KEEP_DIR=<dir> the files stay there, for tests/interop/metadata_files.sh.
#include "controller/metadata_node.h"

#include <cstdlib>

#include <doctest/doctest.h>

#include "base/log.h"
#include "controller/test_node.h"
#include "metadata/features.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/scope.h"
#include "runtime/test_wait.h"

namespace millrace::controller {
namespace {

using runtime::Task;

struct Machine {
    Machine() {
        const char* keep = std::getenv("MILLRACE_KEEP_DIR");
        kept = keep != nullptr;
        dir = kept ? keep : fmt::format("/tmp/millrace_controller_test.{}", loop.rng().next());
        CHECK(loop.run_for_result(disk.remove_all(dir)));
        CHECK(disk.make_directories(dir));
        node.dir = dir;
    }
    ~Machine() {
        if (!kept) CHECK(loop.run_for_result(disk.remove_all(dir)));
    }

    runtime::BlockingPool pool;
    runtime::LinuxLoop loop;
    runtime::LinuxDisk disk{pool};
    storage::Shard shard{disk, {}};
    std::string dir;
    bool kept = false;
    TestNode node{disk, shard, loop, {}};
};

Task<Result<std::unique_ptr<MetadataNode>>> boot(Machine& machine) {
    CO_TRY(auto node, co_await machine.node.start());
    CO_TRY_OK(co_await machine.node.join(*node));
    co_return std::move(node);
}

protocol::CreateTopicsRequest topics(std::string_view prefix, int count, int partitions) {
    protocol::CreateTopicsRequest request;
    for (int i = 0; i < count; ++i) {
        auto& topic = request.topics.emplace_back();
        topic.name = fmt::format("{}{}", prefix, i);
        topic.num_partitions = partitions;
        topic.replication_factor = -1;
    }
    return request;
}

Task<Result<void>> first_life(Machine& machine, std::string& state) {
    CO_TRY_OK(co_await machine.node.format());
    CHECK((co_await machine.node.format()).code() == ErrorCode::already_exists);
    CO_TRY(auto node, co_await boot(machine));
    CHECK(node->image()->feature_level(metadata::kMetadataVersion) == 30);
    CHECK(node->image()->overrides(metadata::ResourceType::broker, "").at("min.insync.replicas") ==
          "1");
    const auto* broker = node->image()->broker(1);
    CHECK(broker != nullptr);
    if (broker != nullptr) CHECK_FALSE(broker->fenced);

    size_t published = 0;
    node->set_listener([&](const metadata::ImagePtr&, const metadata::Delta& delta) {
        published += delta.topics.size();
    });
    auto request = topics("t", 100, 3);
    request.topics[0].configs.push_back({.name = "retention.ms", .value = protocol::Str("1000")});
    CO_TRY(auto response, co_await node->create_topics(request, 7));
    CHECK(response.topics.size() == 100);
    for (const auto& t : response.topics) CHECK(t.error_code == 0);
    CHECK(published == 100);
    CHECK(node->image()->topics_by_name.size() == 100);
    CHECK(node->image()->partition("t99", 2)->leader == 1);
    CO_TRY(auto again, co_await node->create_topics(request, 7));
    CHECK(again.topics[0].error_code == static_cast<int16_t>(ErrorCode::topic_already_exists));

    protocol::DescribeQuorumRequest quorum;
    quorum.topics.emplace_back().topic_name = "__cluster_metadata";
    quorum.topics[0].partitions.emplace_back();
    const auto described = node->describe_quorum(quorum);
    CHECK(described.topics[0].partitions[0].leader_id == 1);
    CHECK(described.topics[0].partitions[0].leader_epoch == 1);
    CHECK(described.topics[0].partitions[0].high_watermark ==
          described.topics[0].partitions[0].current_voters[0].log_end_offset);
    state = dump(node->image());
    co_return co_await node->stop();
}

Task<Result<void>> second_life(Machine& machine, const std::string& before) {
    CO_TRY(auto node, co_await boot(machine));
    CHECK(node->image()->topics_by_name.size() == 100);
    // Registered anew after what looks like a crash: the leader epoch tells.
    CHECK(node->image()->partition("t5", 1)->leader_epoch == 1);
    CHECK(dump(node->image()) != before);
    protocol::DeleteTopicsRequest request;
    request.topics.emplace_back().name = protocol::Str("t7");
    CO_TRY(auto response, co_await node->delete_topics(request, 6));
    CHECK(response.responses[0].error_code == 0);
    CHECK(node->image()->topic("t7") == nullptr);
    co_return co_await node->stop();
}

TEST_CASE("a node formats, starts, creates topics, and finds them at the next start") {
    Machine machine;
    std::string state;
    auto first = machine.loop.run_for_result(first_life(machine, state));
    INFO((first ? std::string() : first.error().describe()));
    REQUIRE(first);
    auto second = machine.loop.run_for_result(second_life(machine, state));
    INFO((second ? std::string() : second.error().describe()));
    REQUIRE(second);
}

// What the node of tests/data/metadata_log left behind at its clean stop, on our disk.
void copy_sample(Machine& machine) {
    const std::string to = machine.dir + "/__cluster_metadata-0";
    const std::string from = "tests/data/metadata_log";
    REQUIRE(machine.disk.make_directories(to));
    for (const auto& entry : *machine.disk.list(from)) {
        if (entry.name == "bootstrap.checkpoint") continue;
        const std::string content = *machine.disk.read_file(from + "/" + entry.name, 1u << 20);
        REQUIRE(machine.disk.write_file(to + "/" + entry.name, content));
    }
    REQUIRE(machine.disk.write_file(machine.dir + "/meta.properties",
                                    "version=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\nnode.id=1\n"
                                    "directory.id=MhSPZ576TmONLIeIVJoEzA\n"));
}

Task<Result<void>> take_over(Machine& machine) {
    CO_TRY(auto node, co_await boot(machine));
    const metadata::ImagePtr image = node->image();
    CHECK(image->topics_by_name.size() == 13);
    CHECK(image->broker(1)->rack == std::nullopt);  // registered anew, and this node has none
    CHECK(image->next_producer_id == 2000);
    CHECK(image->acls.size() == 1);
    CHECK(image->overrides(metadata::ResourceType::topic, "orders").at("retention.ms") == "-1");
    image->topics_by_name.for_each([&](const metadata::TopicPtr& topic) {
        for (const metadata::Partition& p : topic->partitions) {
            CAPTURE(topic->name);
            CAPTURE(p.directories[0].to_string());
            // The sample's node had a second log directory, which this one does not have.
            if (p.directories[0] != machine.node.directory_id) {
                CHECK(p.leader == -1);
                continue;
            }
            CHECK(p.leader == 1);
            CHECK(p.leader_epoch == 4);
            CHECK(p.isr.contains(1));
            CHECK(p.eligible_leader_replicas.empty());
        }
    });
    CHECK(node->describe_quorum({}).error_code == 0);
    CO_TRY_OK(co_await node->stop());
    CHECK(node->image()->broker(1)->fenced);  // else Kafka's controller would wait for its session
    co_return {};
}

TEST_CASE("a node goes on where an Apache Kafka node stopped") {
    Machine machine;
    copy_sample(machine);
    auto result = machine.loop.run_for_result(take_over(machine));
    INFO((result ? std::string() : result.error().describe()));
    REQUIRE(result);
}

bool has_snapshot(Machine& machine) {
    for (const auto& entry : *machine.disk.list(machine.dir + "/__cluster_metadata-0"))
        if (entry.name.ends_with(".checkpoint") && !entry.name.starts_with(std::string(20, '0')))
            return true;
    return false;
}

Task<Result<void>> grow_until_snapshot(Machine& machine, std::string& state) {
    CO_TRY_OK(co_await machine.node.format());
    CO_TRY(auto node, co_await boot(machine));
    const auto request = topics("t", 50, 2);
    CO_TRY_OK(co_await node->create_topics(request, 7));
    runtime::Scope scope{machine.loop};
    scope.spawn(node->run());
    CHECK(co_await runtime::eventually(machine.loop, [&] { return has_snapshot(machine); }));
    CHECK((co_await node->create_topics(topics("later", 1, 1), 7)).has_value());
    state = dump(node->image());
    CO_TRY_OK(co_await node->stop());
    co_await scope.join();
    co_return {};
}

TEST_CASE("a snapshot is taken when the log has grown, and the next start begins with it") {
    Machine machine;
    machine.node.config = std::make_shared<const config::BrokerConfig>(
        config::BrokerConfig::load("", "test",
                                   {"metadata.log.max.record.bytes.between.snapshots=3000"})
            ->config);
    std::string before;
    REQUIRE(machine.loop.run_for_result(grow_until_snapshot(machine, before)));
    auto start = [](Machine& m, std::string& after) -> Task<Result<void>> {
        CO_TRY(auto node, co_await boot(m));
        after = dump(node->image());
        co_return co_await node->stop();
    };
    std::string after;
    REQUIRE(machine.loop.run_for_result(start(machine, after)));
    // From the topics on, but for the leader epochs, which a crash raises.
    auto count = [](const std::string& text, std::string_view what) {
        size_t n = 0;
        for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++n;
        return n;
    };
    for (std::string_view what :
         {"TopicRecord", "PartitionRecord", "ConfigRecord", "FeatureLevelRecord"})
        CHECK(count(before, what) == count(after, what));
}

TEST_CASE("directories that do not belong to this node are refused with the reason") {
    struct Case {
        const char* content;
        const char* reason;
    };
    const Case cases[] = {
        {"version=1\ncluster.id=c\nnode.id=2\ndirectory.id=MhSPZ576TmONLIeIVJoEzA\n",
         "node.id is 2"},
        {"version=1\nnode.id=1\ndirectory.id=MhSPZ576TmONLIeIVJoEzA\n", "cluster.id is missing"},
        {"version=1\ncluster.id=other\nnode.id=1\n", "cluster.id is"},
        {"version=1\ncluster.id=c\nnode.id=1\ndirectory.id=MhSPZ576TmONLIeIVJoEzB\n",
         "same directory.id"},
    };
    for (const Case& c : cases) {
        Machine machine;
        CAPTURE(std::string(c.content));
        REQUIRE(machine.disk.make_directories(machine.dir + "/a"));
        REQUIRE(machine.disk.make_directories(machine.dir + "/b"));
        REQUIRE(machine.disk.write_file(
            machine.dir + "/a/meta.properties",
            "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=MhSPZ576TmONLIeIVJoEzB\n"));
        REQUIRE(machine.disk.write_file(machine.dir + "/b/meta.properties", c.content));
        auto loaded = machine.loop.run_for_result(load_formatted(
            machine.disk, machine.loop.rng(), {machine.dir + "/a", machine.dir + "/b"}, 1));
        REQUIRE_FALSE(loaded);
        CHECK(loaded.code() == ErrorCode::invalid_config);
        CHECK(loaded.error().message.contains(c.reason));
        CHECK(loaded.error().message.contains("/b/meta.properties"));
    }
}

TEST_CASE("a disk that was added gets its meta.properties") {
    Machine machine;
    REQUIRE(machine.loop.run_for_result(machine.node.format()));
    const std::vector<std::string> directories{machine.dir, machine.dir + "/added"};
    auto load = [&] {
        auto loaded = machine.loop.run_for_result(
            load_formatted(machine.disk, machine.loop.rng(), directories, 1));
        REQUIRE(loaded);
        REQUIRE(loaded->has_value());
        return **loaded;
    };
    const FormattedNode first = load();
    const FormattedNode second = load();
    CHECK(first.cluster_id == machine.node.cluster_id);
    for (size_t i = 0; i < 2; ++i)
        CHECK(first.directories[i].directory_id == second.directories[i].directory_id);
    CHECK(first.directories[0].directory_id != first.directories[1].directory_id);
}

}  // namespace
}  // namespace millrace::controller
