#include "broker/group_host.h"

#include <doctest/doctest.h>

#include "metadata/builder.h"

namespace millrace::broker {
namespace {

void set(metadata::Builder& builder, metadata::ResourceType type, std::string_view resource,
         std::string_view name, std::string_view value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<int8_t>(type);
    record.resource_name = protocol::Str(resource);
    record.name = protocol::Str(name);
    record.value = protocol::Str(value);
    REQUIRE(builder.apply(record));
}

TEST_CASE("a group's own configuration comes before the broker's, which may change") {
    metadata::Builder builder(std::make_shared<const metadata::Image>());
    set(builder, metadata::ResourceType::group, "own", "consumer.assignment.interval.ms", "11");
    set(builder, metadata::ResourceType::group, "own", "consumer.heartbeat.interval.ms", "22");
    const auto image = builder.publish({.offset = 7}).first;
    const auto still = config::BrokerConfig::defaults();
    const auto changed = still.with_dynamic({}, {{"group.consumer.assignment.interval.ms", "333"}});
    struct Row {
        const config::BrokerConfig& broker;
        std::string_view group;
        int32_t assignment_interval;
    };
    for (const Row& row : {Row{still, "own", 11}, Row{changed, "own", 11},
                           Row{still, "other", 1000}, Row{changed, "other", 333}}) {
        CAPTURE(row.group);
        const auto view =
            cluster_view(image, std::make_shared<const config::BrokerConfig>(row.broker));
        CHECK(view->version() == 7);
        const group::GroupOverrides set_for = view->overrides(row.group);
        CHECK(set_for.consumer_assignment_interval_ms == row.assignment_interval);
        CHECK(set_for.consumer_heartbeat_interval_ms ==
              (row.group == "own" ? std::optional<int32_t>(22) : std::nullopt));
    }
}

}  // namespace
}  // namespace millrace::broker
