// For tests of the controller's functions: a cluster of one broker whose state follows the records.
#pragma once

#include <doctest/doctest.h>

#include "controller/brokers.h"
#include "controller/outcome.h"
#include "controller/topics.h"
#include "metadata/builder.h"
#include "metadata/features.h"
#include "metadata/snapshot.h"
#include "protocol/json.h"

namespace millrace::controller {

constexpr Uuid kTestDirectory{7, 7};

class TestCluster {
public:
    // Without a broker yet.
    explicit TestCluster(int16_t metadata_version = metadata::kMetadataVersionLatest) {
        for (const auto& [name, level] : metadata::default_levels(metadata_version))
            apply({protocol::FeatureLevelRecord{.name = protocol::Str(name),
                                                .feature_level = level}});
    }
    static TestCluster with_broker(int16_t metadata_version = metadata::kMetadataVersionLatest) {
        TestCluster cluster(metadata_version);
        REQUIRE(cluster.run(register_broker, cluster.registration(1), 4).error_code == 0);
        REQUIRE(cluster.run(broker_heartbeat, cluster.heartbeat(), 2).error_code == 0);
        return cluster;
    }

    // Handles the request and applies its records, which must survive being encoded.
    template <typename Response, typename Request>
    Response run(Outcome<Response> (*handle)(const Context&, const Request&),
                 const std::type_identity_t<Request>& request, int16_t version) {
        Outcome<Response> outcome = handle(context(version), request);
        apply(outcome.records);
        last_records = outcome.records;
        return std::move(outcome.response);
    }

    void apply(const Records& records) {
        const int16_t level = metadata::metadata_version(*state);
        for (const auto& record : records) {
            auto bytes =
                protocol::encode_metadata_record(record, metadata::record_version(record, level));
            INFO((bytes ? std::string() : bytes.error().message));
            REQUIRE(bytes);
            auto decoded = protocol::decode_metadata_record(*bytes);
            REQUIRE(decoded);
            REQUIRE(builder.apply(*decoded));
            ++next_offset;
        }
        state = builder.publish({.offset = next_offset - 1}).first;
    }

    Context context(int16_t version) {
        return {.state = *state,
                .config = config,
                .rng = rng,
                .node_id = 1,
                .cluster_id = "cluster",
                .next_offset = next_offset,
                .version = version};
    }

    protocol::BrokerRegistrationRequest registration(uint64_t life, int64_t previous_epoch = -1) {
        protocol::BrokerRegistrationRequest r;
        r.broker_id = 1;
        r.cluster_id = "cluster";
        r.incarnation_id = Uuid{1, life};
        auto& listener = r.listeners.emplace_back();
        listener.name = "PLAINTEXT";
        listener.host = "localhost";
        listener.port = 9092;
        for (const auto& [name, range] : metadata::supported_features()) {
            auto& f = r.features.emplace_back();
            f.name = protocol::Str(name);
            f.min_supported_version = range.min;
            f.max_supported_version = range.max;
        }
        r.log_dirs = {kTestDirectory};
        r.previous_broker_epoch = previous_epoch;
        return r;
    }
    protocol::BrokerHeartbeatRequest heartbeat() {
        protocol::BrokerHeartbeatRequest r;
        r.broker_id = 1;
        r.broker_epoch = state->broker(1) ? state->broker(1)->epoch : -1;
        r.current_metadata_offset = next_offset;
        return r;
    }

    protocol::CreateTopicsResponse create(std::string_view name, int32_t partitions = 1) {
        protocol::CreateTopicsRequest r;
        auto& topic = r.topics.emplace_back();
        topic.name = protocol::Str(name);
        topic.num_partitions = partitions;
        topic.replication_factor = 1;
        return run(create_topics, r, 7);
    }

    // "TopicRecord {...}" a line.
    std::string records_text() const {
        std::string out;
        for (const auto& record : last_records) {
            std::visit(
                [&](const auto& r) {
                    out += fmt::format(
                        "{} {}\n", r.kName,
                        protocol::to_json(
                            r, metadata::record_version(record, metadata::kMetadataVersionLatest),
                            protocol::Secrets::shown));
                },
                record);
        }
        return out;
    }

    metadata::Builder builder;
    metadata::ImagePtr state = std::make_shared<const metadata::Image>();
    config::BrokerConfig config = config::BrokerConfig::defaults();
    Rng rng{1};
    Offset next_offset = 0;
    Records last_records;
};

inline ErrorCode code(int16_t number) {
    return static_cast<ErrorCode>(number);
}

}  // namespace millrace::controller
