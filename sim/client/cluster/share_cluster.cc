// The brokers of a share cluster as all of them answer: connections, metadata, members, telemetry.
#include "sim/client/cluster/share_cluster.h"

#include "net/frame_reader.h"
#include "protocol/header.h"

namespace millrace::sim {

ShareCluster::ShareCluster(Simulation& sim, SimFabric& fabric, int brokers, int partitions)
    : partitions(static_cast<size_t>(partitions)), sim_(sim) {
    topic_id = Uuid::random(sim.rng());
    for (int p = 0; p != partitions; ++p)
        this->partitions[static_cast<size_t>(p)].leader = p % brokers;
    for (NodeId id = 0; id != brokers; ++id) {
        auto& node = hosts_.emplace_back(std::make_unique<SimNode>(sim, fabric, host_of(id)));
        node->start([this, id](runtime::Context& context) -> runtime::Task<void> {
            co_await listen(id, context);
        });
    }
}

runtime::Task<void> ShareCluster::listen(NodeId id, runtime::Context& context) {
    auto listener = context.network.listen(host_of(id), kPort);
    CHECK(listener.has_value());
    runtime::DroppingScope scope{context.loop};
    for (;;) {
        auto stream = co_await (*listener)->accept();
        if (!stream) co_return;
        scope.spawn(serve(id, ++connections_, *std::move(stream)));
    }
}

runtime::Task<void> ShareCluster::serve(NodeId id, uint64_t connection,
                                        std::unique_ptr<runtime::Stream> stream) {
    net::BufferPool pool;
    net::FrameReader reader(*stream, pool, 1 << 20);
    for (;;) {
        auto frame = reader.buffered();
        if (!frame) break;
        if (!*frame) {
            const auto more = co_await reader.fill();
            if (!more || !*more) break;
            continue;
        }
        auto answer = co_await handle(id, connection, **std::move(frame));
        CHECK_MESSAGE(answer.has_value(), (answer ? "" : answer.error().describe()));
        if (!answer) break;
        std::vector<ByteView> pieces;
        for (const ChainPart& part : answer->parts()) pieces.push_back(part.bytes);
        if (!co_await stream->write(pieces)) break;
    }
    // Who hangs up gives back what it has.
    std::erase_if(sessions_, [&](auto& entry) {
        if (entry.second.connection != connection) return false;
        end_session(entry.first.second, entry.second);
        return true;
    });
}

runtime::Task<Result<Chain>> ShareCluster::handle(NodeId id, uint64_t connection,
                                                  SharedBytes frame) {
    ByteView in = frame.view;
    CO_TRY(const auto header, protocol::decode_request_header(in));
    const auto correlation = header.correlation_id;
    const auto version = header.request_api_version;
    switch (static_cast<protocol::ApiKey>(header.request_api_key)) {
        case protocol::ApiKey::api_versions:
            co_return protocol::encode_response_frame(correlation, versions(), version);
        case protocol::ApiKey::metadata:
            co_return protocol::encode_response_frame(correlation, metadata(), version);
        case protocol::ApiKey::find_coordinator:
            co_return protocol::encode_response_frame(correlation, coordinator(), version);
        case protocol::ApiKey::share_group_heartbeat: {
            CO_TRY(const auto m,
                   protocol::decode<protocol::ShareGroupHeartbeatRequest>(in, version));
            co_return protocol::encode_response_frame(correlation, heartbeat(m), version);
        }
        case protocol::ApiKey::share_fetch: {
            CO_TRY(const auto m, protocol::decode<protocol::ShareFetchRequest>(in, version));
            const auto said = co_await fetch(id, connection, m);
            co_return protocol::encode_response_frame(correlation, said, version);
        }
        case protocol::ApiKey::share_acknowledge: {
            CO_TRY(const auto m, protocol::decode<protocol::ShareAcknowledgeRequest>(in, version));
            co_return protocol::encode_response_frame(correlation, acknowledge(id, m), version);
        }
        case protocol::ApiKey::get_telemetry_subscriptions: {
            CO_TRY(const auto m,
                   protocol::decode<protocol::GetTelemetrySubscriptionsRequest>(in, version));
            ++telemetry.asked;
            auto said = telemetry.subscription;
            said.client_instance_id =
                m.client_instance_id.is_zero() ? Uuid::random(sim_.rng()) : m.client_instance_id;
            co_return protocol::encode_response_frame(correlation, said, version);
        }
        case protocol::ApiKey::push_telemetry: {
            CO_TRY(const auto m, protocol::decode<protocol::PushTelemetryRequest>(in, version));
            co_return protocol::encode_response_frame(correlation, take_push(m), version);
        }
        case protocol::ApiKey::unregister_broker: {
            protocol::UnregisterBrokerResponse said;
            said.error_code = static_cast<int16_t>(judge_controller(id));
            co_return protocol::encode_response_frame(correlation, said, version);
        }
        case protocol::ApiKey::alter_client_quotas: {
            protocol::AlterClientQuotasResponse said;
            said.entries.emplace_back().error_code = static_cast<int16_t>(judge_controller(id));
            co_return protocol::encode_response_frame(correlation, said, version);
        }
        default:
            co_return fail(ErrorCode::unsupported_version);
    }
}

protocol::ApiVersionsResponse ShareCluster::versions() const {
    protocol::ApiVersionsResponse out;
    std::vector<protocol::ApiKey> keys{
        protocol::ApiKey::api_versions,      protocol::ApiKey::metadata,
        protocol::ApiKey::find_coordinator,  protocol::ApiKey::share_group_heartbeat,
        protocol::ApiKey::share_fetch,       protocol::ApiKey::share_acknowledge,
        protocol::ApiKey::unregister_broker, protocol::ApiKey::alter_client_quotas};
    if (telemetry.served) {
        keys.push_back(protocol::ApiKey::get_telemetry_subscriptions);
        keys.push_back(protocol::ApiKey::push_telemetry);
    }
    for (const auto key : keys) {
        const auto& info = protocol::api_info(key);
        auto& api = out.api_keys.emplace_back();
        api.api_key = static_cast<int16_t>(key);
        api.min_version = info.version_min;
        const bool share =
            key == protocol::ApiKey::share_fetch || key == protocol::ApiKey::share_acknowledge;
        api.max_version = share ? version_max : info.version_max;
    }
    return out;
}

protocol::PushTelemetryResponse ShareCluster::take_push(const protocol::PushTelemetryRequest& m) {
    protocol::PushTelemetryResponse out;
    const ByteView bytes = m.metrics;
    telemetry.pushes.push_back({.subscription_id = m.subscription_id,
                                .terminating = m.terminating,
                                .compression = m.compression_type,
                                .metrics = {bytes.begin(), bytes.end()},
                                .at = sim_.now()});
    if (telemetry.refusals.empty()) return out;
    out.error_code = static_cast<int16_t>(telemetry.refusals.front());
    telemetry.refusals.pop_front();
    return out;
}

protocol::MetadataResponse ShareCluster::metadata() const {
    protocol::MetadataResponse out;
    for (size_t id = 0; id != hosts_.size(); ++id) {
        auto& broker = out.brokers.emplace_back();
        broker.node_id = static_cast<NodeId>(id);
        broker.host = host_of(broker.node_id);
        broker.port = kPort;
    }
    out.controller_id = controller;
    auto& said = out.topics.emplace_back();
    said.name = protocol::Str(topic);
    said.topic_id = topic_id;
    for (size_t p = 0; p != partitions.size(); ++p) {
        auto& part = said.partitions.emplace_back();
        part.partition_index = static_cast<PartitionIndex>(p);
        part.leader_id = partitions[p].leader;
        part.leader_epoch = partitions[p].epoch;
    }
    return out;
}

ErrorCode ShareCluster::judge_controller(NodeId id) {
    if (id == active) return ErrorCode::none;
    ++asked_in_vain;
    return ErrorCode::not_controller;
}

protocol::FindCoordinatorResponse ShareCluster::coordinator() const {
    protocol::FindCoordinatorResponse out;
    auto& said = out.coordinators.emplace_back();
    said.host = host_of(0);
    said.port = kPort;
    return out;
}

protocol::ShareGroupHeartbeatResponse ShareCluster::heartbeat(
    const protocol::ShareGroupHeartbeatRequest& m) {
    protocol::ShareGroupHeartbeatResponse out;
    const std::string id = m.member_id.str();
    out.member_id = protocol::Str(id);
    out.heartbeat_interval_ms = 1'000;
    if (m.member_epoch < 0) {
        members.erase(id);
        out.member_epoch = m.member_epoch;
        return out;
    }
    if (m.member_epoch > 0 && !members.contains(id)) {
        out.error_code = static_cast<int16_t>(ErrorCode::unknown_member_id);
        return out;
    }
    out.member_epoch = 1;
    if (!members.insert(id).second && m.member_epoch > 0) return out;
    auto& given = out.assignment.emplace().topic_partitions.emplace_back();
    given.topic_id = topic_id;
    for (size_t p = 0; p != partitions.size(); ++p)
        given.partitions.push_back(static_cast<PartitionIndex>(p));
    return out;
}

}  // namespace millrace::sim
