// For tests: a metadata node of its own on any disk and loop, formatted when its directory is new,
// and what its image holds as text. Node 1 of a cluster of one.
#pragma once

#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "controller/format.h"
#include "controller/metadata_node.h"
#include "metadata/snapshot.h"
#include "protocol/json.h"

namespace millrace::controller {

struct TestNode {
    runtime::Disk& disk;
    storage::Shard& shard;
    runtime::Loop& loop;
    std::string dir;
    std::shared_ptr<const config::BrokerConfig> config =
        std::make_shared<const config::BrokerConfig>(config::BrokerConfig::defaults());
    std::string cluster_id = "4L6g3nShT-eMCtK--X86sw";
    std::vector<raft::VoterEndpoint> endpoints = {{"CONTROLLER", "127.0.0.1", 9093}};

    runtime::Task<Result<void>> format(bool ignore_formatted = false) {
        FormatOptions options;
        options.log_dirs = {dir};
        options.metadata_log_dir = dir;
        options.node_id = 1;
        options.cluster_id = cluster_id;
        options.controller_endpoints = endpoints;
        options.now = loop.wall_ms();
        options.ignore_formatted = ignore_formatted;
        co_return co_await format_directories(disk, loop.rng(), std::move(options));
    }

    // The directory must be formatted.
    runtime::Task<Result<std::unique_ptr<MetadataNode>>> start() {
        CO_TRY(auto formatted, co_await load_formatted(disk, loop.rng(), {dir}, 1));
        if (!formatted) co_return fail(ErrorCode::not_found, "not formatted");
        MetadataNodeOptions options;
        options.config = config;
        options.cluster_id = formatted->cluster_id;
        options.metadata_log_dir = dir;
        options.directory_id = formatted->directories[0].directory_id;
        options.incarnation_id = Uuid::random(loop.rng());
        options.controller_endpoints = endpoints;
        directory_id = options.directory_id;
        co_return co_await MetadataNode::start(disk, shard, loop, std::move(options));
    }

    // As the broker does after start(), and after what looks like a crash.
    runtime::Task<Result<void>> join(MetadataNode& node) {
        const std::vector<metadata::Endpoint> broker{{"PLAINTEXT", endpoints[0].host, 9092, 0}};
        CO_TRY_OK(co_await node.register_this_broker(broker, {directory_id}, -1));
        co_return {};
    }

    Uuid directory_id = {};  // set by start()
};

// Every record that makes the image, a line each.
inline std::string dump(const metadata::ImagePtr& image) {
    std::string out;
    const int16_t level = metadata::metadata_version(*image);
    const auto line = [&](const protocol::MetadataRecord& record) -> Result<void> {
        const int16_t version = metadata::record_version(record, level);
        std::visit(
            [&](const auto& r) {
                out += fmt::format("{} {}\n", r.kName,
                                   protocol::to_json(r, version, protocol::Secrets::shown));
            },
            record);
        return {};
    };
    INVARIANT(metadata::write_records(image, line).has_value());
    return out;
}

}  // namespace millrace::controller
