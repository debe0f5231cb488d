#include "cli/cluster/reassign.h"

#include <doctest/doctest.h>

#include "cli/cluster/acls.h"

namespace millrace::cli {

TEST_CASE("a plan is read as it is written") {
    const std::string text =
        R"({"version":1,"partitions":[)"
        R"({"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["/a","any"]},)"
        R"({"topic":"t","partition":1,"replicas":[3],"log_dirs":["any"]}]})";
    const auto plan = parse_plan(text);
    REQUIRE(plan);
    REQUIRE(plan->size() == 2);
    CHECK((*plan)[0].replicas == std::vector<NodeId>{1, 2});
    CHECK((*plan)[0].directories == std::vector<std::string>{"/a", ""});
    CHECK(plan_json(*plan) == text);
    const auto wanted = wanted_directories(*plan);
    REQUIRE(wanted.size() == 1);
    CHECK(wanted.begin()->first == client::Replica{{"t", 0}, 1});
    CHECK(wanted.begin()->second == "/a");
    // Directories may be left out.
    const auto brief = parse_plan(R"({"partitions":[{"topic":"t","partition":0,"replicas":[1]}]})");
    REQUIRE(brief);
    CHECK(brief->front().directories == std::vector<std::string>{""});
}

TEST_CASE("plans that make no sense") {
    for (const auto* wrong :
         {"", "{bad", R"({"version":2,"partitions":[]})", R"({"partitions":[{"topic":"t"}]})",
          R"({"partitions":[{"topic":"t","partition":-1,"replicas":[1]}]})",
          R"({"partitions":[{"topic":"t","partition":0,"replicas":["x"]}]})",
          R"({"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any"]}]})"})
        CHECK_MESSAGE(!parse_plan(wrong), wrong);
    CHECK(!check_plan({}));
    CHECK(!check_plan({{{"t", 0}, {}, {}}}));
    CHECK(!check_plan({{{"t", 0}, {1, 1}, {}}}));
    CHECK(!check_plan({{{"t", 0}, {1}, {}}, {{"t", 0}, {2}, {}}}));
    CHECK(check_plan({{{"t", 0}, {1, 2}, {}}, {{"t", 1}, {1, 2}, {}}}));
}

TEST_CASE("replicas are spread over brokers and racks") {
    std::vector<BrokerPlace> brokers;
    for (NodeId id = 1; id <= 6; ++id) brokers.push_back({id, id <= 2 ? "a" : id <= 4 ? "b" : "c"});
    const auto rack = [](NodeId id) { return (id - 1) / 2; };
    for (size_t start = 0; start != 6; ++start) {
        const auto all = spread_replicas(brokers, 30, 3, start);
        REQUIRE(all.size() == 30);
        std::map<NodeId, int> leads, holds;
        for (const std::vector<NodeId>& replicas : all) {
            REQUIRE(replicas.size() == 3);
            ++leads[replicas.front()];
            std::set<int> racks;
            for (const NodeId id : replicas) {
                ++holds[id];
                racks.insert(rack(id));
            }
            CHECK(racks.size() == 3);
        }
        for (const BrokerPlace& broker : brokers) {
            CHECK(leads[broker.id] == 5);
            CHECK(holds[broker.id] >= 12);
        }
    }
}

TEST_CASE("more replicas than racks, and brokers without racks") {
    for (const bool racks : {false, true}) {
        std::vector<BrokerPlace> brokers;
        for (NodeId id = 1; id <= 4; ++id)
            brokers.push_back({id, racks ? std::optional<std::string>{"a"} : std::nullopt});
        std::set<std::vector<NodeId>> seen;
        for (const std::vector<NodeId>& replicas : spread_replicas(brokers, 12, 3, 1)) {
            CHECK(std::set(replicas.begin(), replicas.end()).size() == 3);
            seen.insert(replicas);
        }
        // The same brokers do not always meet.
        CHECK(seen.size() == 12);
    }
    CHECK(spread_replicas({{7, {}}}, 2, 1, 5) == std::vector<std::vector<NodeId>>{{7}, {7}});
}

TEST_CASE("from where to where the data of a move goes") {
    const Plan current{{{"t", 0}, {1, 2}, {}}, {{"t", 1}, {1}, {}}};
    const Plan plan{{{"t", 0}, {2, 3}, {}}, {{"t", 1}, {1}, {}}};
    auto moves = moves_of({}, plan, current);
    CHECK(moves.at({"t", 0}).sources == std::set<NodeId>{1, 2});
    CHECK(moves.at({"t", 0}).destinations == std::set<NodeId>{3});
    CHECK(moves.at({"t", 1}).destinations.empty());
    // One that is under way goes elsewhere: it still comes from where the data is.
    const Reassignments active{{{"t", 0}, {{2, 3, 1}, {3}, {1}}}, {{"u", 0}, {{1, 2}, {2}, {}}}};
    moves = moves_of(active, {{{"t", 0}, {1, 4}, {}}}, {{{"t", 0}, {2, 3, 1}, {}}});
    CHECK(moves.at({"t", 0}).sources == std::set<NodeId>{1, 2});
    CHECK(moves.at({"t", 0}).destinations == std::set<NodeId>{4});
    CHECK(moves.at({"u", 0}).sources == std::set<NodeId>{1});
    CHECK(moves.at({"u", 0}).destinations == std::set<NodeId>{2});
    CHECK(active.begin()->second.target() == std::vector<NodeId>{2, 3});
}

TEST_CASE("names of what ACLs are about") {
    using enum client::AclOperation;
    CHECK(find_acl_operation("DescribeConfigs") == describe_configs);
    CHECK(find_acl_operation("describe-configs") == describe_configs);
    CHECK(find_acl_operation("DESCRIBE_CONFIGS") == describe_configs);
    CHECK(!find_acl_operation("unknown"));
    CHECK(!find_acl_operation(""));
    CHECK(find_acl_resource_type("transactional-id") == client::AclResourceType::transactional_id);
    CHECK(find_acl_pattern("PREFIXED") == client::AclPattern::prefixed);
    CHECK(name_of(two_phase_commit) == "TWO_PHASE_COMMIT");
    CHECK(name_of(static_cast<client::AclOperation>(99)) == "UNKNOWN");
    for (int type = 2; type <= 7; ++type)
        CHECK(std::ranges::find(operations_of(static_cast<client::AclResourceType>(type)), all) !=
              operations_of(static_cast<client::AclResourceType>(type)).end());
    CHECK(check_principal("User:a:b").value() == "User:a:b");
    for (const auto* wrong : {"", "User", ":a", "User:"}) CHECK(!check_principal(wrong));
}

}  // namespace millrace::cli
