#include "controller/update_features.h"

#include "controller/test_cluster.h"

namespace millrace::controller {
namespace {

TEST_CASE("UpdateFeatures") {
    struct Case {
        const char* what;
        const char* feature;
        int16_t level;
        int8_t upgrade_type;  // 1 upgrade, 2 safe, 3 unsafe downgrade
        ErrorCode wanted;
        int16_t after;
    };
    constexpr auto kRefused = ErrorCode::invalid_update_version;
    const Case cases[] = {
        {"raise", "transaction.version", 2, 1, ErrorCode::none, 2},
        {"raise a little", "transaction.version", 1, 1, ErrorCode::none, 1},
        {"raise metadata", "metadata.version", 30, 1, ErrorCode::none, 30},
        {"same", "metadata.version", 24, 1, ErrorCode::none, 24},
        {"too high", "metadata.version", 31, 1, kRefused, 24},
        {"negative", "transaction.version", -1, 1, kRefused, 0},
        {"unknown", "magic.version", 1, 1, kRefused, 0},
        {"raft's own, as it is", "kraft.version", 0, 1, ErrorCode::none, 0},
        {"raft's own", "kraft.version", 1, 1, kRefused, 0},
        {"no type", "transaction.version", 1, 0, kRefused, 0},
        {"upgrade as downgrade", "transaction.version", 1, 2, kRefused, 0},
        {"downgrade unsaid", "group.version", 0, 1, kRefused, 1},
        {"downgrade", "group.version", 0, 2, ErrorCode::none, 0},
        {"downgrade of metadata", "metadata.version", 23, 2, ErrorCode::none, 23},
        {"downgrade that loses", "metadata.version", 22, 2, kRefused, 24},
        {"downgrade that loses, unsafe", "metadata.version", 22, 3, kRefused, 24},
    };
    for (const Case& c : cases) {
        CAPTURE(std::string(c.what));
        auto cluster = TestCluster::with_broker(24);
        cluster.apply(
            {protocol::FeatureLevelRecord{.name = "transaction.version", .feature_level = 0}});
        protocol::UpdateFeaturesRequest request;
        auto& update = request.feature_updates.emplace_back();
        update.feature = c.feature;
        update.max_version_level = c.level;
        update.upgrade_type = c.upgrade_type;
        request.validate_only = true;
        CHECK(code(cluster.run(update_features, request, 2).error_code) == c.wanted);
        CHECK(cluster.last_records.empty());
        request.validate_only = false;
        auto response = cluster.run(update_features, request, 2);
        CHECK(code(response.error_code) == c.wanted);
        CHECK(response.error_message.has_value() == (c.wanted != ErrorCode::none));
        CHECK(cluster.state->feature_level(c.feature) == c.after);
    }
}

TEST_CASE("version 0 says a downgrade by a flag; old versions list the features") {
    auto cluster = TestCluster::with_broker();
    protocol::UpdateFeaturesRequest request;
    auto& update = request.feature_updates.emplace_back();
    update.feature = "group.version";
    update.max_version_level = 0;
    CHECK(code(cluster.run(update_features, request, 0).error_code) ==
          ErrorCode::invalid_update_version);
    request.feature_updates[0].allow_downgrade = true;
    auto response = cluster.run(update_features, request, 0);
    CHECK(response.error_code == 0);
    REQUIRE(response.results.size() == 1);
    CHECK(response.results[0].feature == "group.version");
}

TEST_CASE("eligible leader replicas bring min.insync.replicas for the whole cluster") {
    auto cluster = TestCluster::with_broker(25);
    CHECK_FALSE(cluster.state->elr_enabled());
    protocol::UpdateFeaturesRequest request;
    auto& update = request.feature_updates.emplace_back();
    update.feature = "eligible.leader.replicas.version";
    update.max_version_level = 1;
    CHECK(cluster.run(update_features, request, 2).error_code == 0);
    CHECK(cluster.state->elr_enabled());
    CHECK(cluster.state->overrides(metadata::ResourceType::broker, "") ==
          config::Overrides{{"min.insync.replicas", "1"}});

    auto old = TestCluster::with_broker(22);
    CHECK(code(old.run(update_features, request, 2).error_code) ==
          ErrorCode::invalid_update_version);
}

}  // namespace
}  // namespace millrace::controller
