// The smallest cluster that serves a share group: brokers that answer what ShareConsumer asks, on
// one state that they all see. Members are given every partition. For tests of the client, as our
// node has no share groups.
#pragma once

#include <functional>
#include <set>

#include "net/frame_reader.h"
#include "protocol/header.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/get_telemetry_subscriptions.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/push_telemetry.h"
#include "protocol/messages/share_acknowledge.h"
#include "protocol/messages/share_fetch.h"
#include "protocol/messages/share_group_heartbeat.h"
#include "sim/client/share_partition.h"
#include "sim/sim_test.h"

namespace millrace::sim {

// What the operator wants to know of clients, and what they said.
struct TelemetryDesk {
    struct Push {
        int32_t subscription_id = 0;
        bool terminating = false;
        int8_t compression = 0;
        std::vector<uint8_t> metrics;
        runtime::TimePoint at{};
    };
    bool served = false;  // whether the brokers know these requests at all
    protocol::GetTelemetrySubscriptionsResponse subscription;
    std::deque<ErrorCode> refusals;  // of the next pushes
    size_t asked = 0;
    std::vector<Push> pushes;
};

class ShareCluster {
public:
    static constexpr uint16_t kPort = 9092;

    struct Partition : SharePartition {
        NodeId leader = 0;
        LeaderEpoch epoch = 0;
    };

    ShareCluster(Simulation& sim, SimFabric& fabric, int brokers, int partitions)
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

    static std::string host_of(NodeId id) { return fmt::format("share-{}", id); }
    void move_leader(PartitionIndex index, NodeId to) {
        Partition& p = partitions[static_cast<size_t>(index)];
        if (p.leader == to) return;
        p.leader = to;
        p.epoch++;
        p.release_all();
    }
    bool settled() const {
        return std::ranges::all_of(partitions, [](const Partition& p) { return p.settled(); });
    }
    // Every session is forgotten, as when a broker has too many.
    void evict_sessions() {
        for (auto& [key, session] : sessions_) end_session(key.second, session);
        sessions_.clear();
    }

    const std::string topic = "jobs";
    Uuid topic_id;
    std::vector<Partition> partitions;
    std::set<std::string> members;
    double refuse_chance = 0;  // of each request: some retriable error
    int16_t version_max = 2;   // of ShareFetch and ShareAcknowledge
    TelemetryDesk telemetry;
    size_t piggybacked = 0;  // acknowledgements that came with a fetch
    size_t alone = 0;        // that came by ShareAcknowledge
    size_t closed_sessions = 0;
    size_t wrong_epochs = 0;
    int32_t acquired_at_once_max = 0;  // records in one answer

private:
    using TimePoint = runtime::TimePoint;
    struct Session {
        int32_t epoch = 0;  // of the next request
        std::set<PartitionIndex> partitions;
        uint64_t connection = 0;
    };
    using SessionKey = std::pair<NodeId, std::string>;
    using Answer = std::function<Result<Chain>(int32_t correlation, int16_t version)>;

    runtime::Task<void> listen(NodeId id, runtime::Context& context) {
        auto listener = context.network.listen(host_of(id), kPort);
        CHECK(listener.has_value());
        runtime::DroppingScope scope{context.loop};
        for (;;) {
            auto stream = co_await (*listener)->accept();
            if (!stream) co_return;
            scope.spawn(serve(id, ++connections_, *std::move(stream)));
        }
    }

    runtime::Task<void> serve(NodeId id, uint64_t connection,
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

    runtime::Task<Result<Chain>> handle(NodeId id, uint64_t connection, SharedBytes frame) {
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
                CO_TRY(const auto m,
                       protocol::decode<protocol::ShareAcknowledgeRequest>(in, version));
                co_return protocol::encode_response_frame(correlation, acknowledge(id, m), version);
            }
            case protocol::ApiKey::get_telemetry_subscriptions: {
                CO_TRY(const auto m,
                       protocol::decode<protocol::GetTelemetrySubscriptionsRequest>(in, version));
                ++telemetry.asked;
                auto said = telemetry.subscription;
                said.client_instance_id = m.client_instance_id.is_zero() ? Uuid::random(sim_.rng())
                                                                         : m.client_instance_id;
                co_return protocol::encode_response_frame(correlation, said, version);
            }
            case protocol::ApiKey::push_telemetry: {
                CO_TRY(const auto m, protocol::decode<protocol::PushTelemetryRequest>(in, version));
                co_return protocol::encode_response_frame(correlation, take_push(m), version);
            }
            default:
                co_return fail(ErrorCode::unsupported_version);
        }
    }

    protocol::ApiVersionsResponse versions() const {
        protocol::ApiVersionsResponse out;
        std::vector<protocol::ApiKey> keys{
            protocol::ApiKey::api_versions,     protocol::ApiKey::metadata,
            protocol::ApiKey::find_coordinator, protocol::ApiKey::share_group_heartbeat,
            protocol::ApiKey::share_fetch,      protocol::ApiKey::share_acknowledge};
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

    protocol::PushTelemetryResponse take_push(const protocol::PushTelemetryRequest& m) {
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

    protocol::MetadataResponse metadata() const {
        protocol::MetadataResponse out;
        for (size_t id = 0; id != hosts_.size(); ++id) {
            auto& broker = out.brokers.emplace_back();
            broker.node_id = static_cast<NodeId>(id);
            broker.host = host_of(broker.node_id);
            broker.port = kPort;
        }
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

    protocol::FindCoordinatorResponse coordinator() const {
        protocol::FindCoordinatorResponse out;
        auto& said = out.coordinators.emplace_back();
        said.host = host_of(0);
        said.port = kPort;
        return out;
    }

    protocol::ShareGroupHeartbeatResponse heartbeat(const protocol::ShareGroupHeartbeatRequest& m) {
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

    void end_session(const std::string& member, const Session& session) {
        for (const PartitionIndex p : session.partitions)
            partitions[static_cast<size_t>(p)].release(member);
    }

    // Finds the session that a request belongs to, or says why there is none.
    ErrorCode find_session(NodeId id, const std::string& member, int32_t epoch, bool may_open,
                           uint64_t connection) {
        if (sim_.rng().chance(refuse_chance)) {
            evict_sessions();
            return ErrorCode::share_session_not_found;
        }
        const SessionKey key{id, member};
        if (epoch == 0 && may_open) {
            if (const auto old = sessions_.find(key); old != sessions_.end())
                end_session(member, old->second);
            sessions_[key] = {.epoch = 1, .partitions = {}, .connection = connection};
            return ErrorCode::none;
        }
        const auto found = sessions_.find(key);
        if (found == sessions_.end()) return ErrorCode::share_session_not_found;
        if (epoch == -1) return ErrorCode::none;
        if (epoch != found->second.epoch) {
            ++wrong_epochs;
            return ErrorCode::invalid_share_session_epoch;
        }
        found->second.epoch++;
        return ErrorCode::none;
    }

    template <typename Said>
    bool refuse_moved(const Partition& p, NodeId id, Said& said) const {
        if (p.leader == id) return false;
        said.current_leader.leader_id = p.leader;
        said.current_leader.leader_epoch = p.epoch;
        return true;
    }

    template <typename Batches>
    ErrorCode take_acknowledgements(Partition& p, const std::string& member, const Batches& batches,
                                    bool renews) {
        Offset last = -1;
        ErrorCode out = ErrorCode::none;
        p.expire(sim_.now());
        for (const auto& batch : batches) {
            CHECK(batch.first_offset > last);
            CHECK(batch.first_offset <= batch.last_offset);
            CHECK(batch.acknowledge_types.size() == 1);
            last = batch.last_offset;
            const int8_t type = batch.acknowledge_types[0];
            CHECK((type != 4 || renews));
            const auto said = p.acknowledge(member, batch.first_offset, last, type, sim_.now());
            if (said != ErrorCode::none) out = said;
        }
        return out;
    }

    runtime::Task<protocol::ShareFetchResponse> fetch(NodeId id, uint64_t connection,
                                                      const protocol::ShareFetchRequest& m) {
        protocol::ShareFetchResponse out;
        const std::string member = m.member_id->str();
        out.acquisition_lock_timeout_ms =
            static_cast<int32_t>(std::chrono::milliseconds(SharePartition::kLock).count());
        const auto code = find_session(id, member, m.share_session_epoch, true, connection);
        out.error_code = static_cast<int16_t>(code);
        if (code != ErrorCode::none) co_return out;
        CHECK_FALSE(m.is_renew_ack);
        Session* session = &sessions_.at({id, member});
        std::map<PartitionIndex, protocol::ShareFetchResponse::PartitionData> said;
        for (const auto& part :
             m.topics.empty() ? decltype(m.topics[0].partitions){} : m.topics[0].partitions) {
            session->partitions.insert(part.partition_index);
            if (part.acknowledgement_batches.empty()) continue;
            CHECK(m.share_session_epoch != 0);
            ++piggybacked;
            Partition& p = partitions[static_cast<size_t>(part.partition_index)];
            auto& answer = said[part.partition_index];
            const auto result =
                refuse_moved(p, id, answer)
                    ? ErrorCode::not_leader_or_follower
                    : take_acknowledgements(p, member, part.acknowledgement_batches, false);
            answer.acknowledge_error_code = static_cast<int16_t>(result);
        }
        for (const auto& forgotten : m.forgotten_topics_data)
            for (const PartitionIndex p : forgotten.partitions) session->partitions.erase(p);
        const TimePoint end = sim_.now() + std::chrono::milliseconds(m.max_wait_ms);
        int32_t acquired = 0;
        for (;;) {
            for (const PartitionIndex index : session->partitions) {
                Partition& p = partitions[static_cast<size_t>(index)];
                auto& answer = said[index];
                p.expire(sim_.now());
                if (refuse_moved(p, id, answer)) {
                    answer.error_code = static_cast<int16_t>(ErrorCode::not_leader_or_follower);
                    acquired += 1;  // worth an answer
                    continue;
                }
                const auto got = p.acquire(member, m.max_records - acquired,
                                           m.share_acquire_mode == 1, sim_.now(), answer.records);
                for (const auto& range : got) {
                    answer.acquired_records.push_back({range.first, range.last, range.deliveries});
                    acquired += static_cast<int32_t>(range.last - range.first + 1);
                }
            }
            acquired_at_once_max = std::max(acquired_at_once_max, acquired);
            if (acquired > 0 || sim_.now() >= end) break;
            co_await runtime::Loop::current().sleep_for(std::chrono::milliseconds(20));
            const auto still = sessions_.find({id, member});
            if (still == sessions_.end()) break;
            session = &still->second;
        }
        auto& topic_said = out.responses.emplace_back();
        topic_said.topic_id = topic_id;
        for (auto& [index, answer] : said) {
            answer.partition_index = index;
            topic_said.partitions.push_back(std::move(answer));
        }
        co_return out;
    }

    protocol::ShareAcknowledgeResponse acknowledge(NodeId id,
                                                   const protocol::ShareAcknowledgeRequest& m) {
        protocol::ShareAcknowledgeResponse out;
        const std::string member = m.member_id->str();
        const auto code = find_session(id, member, m.share_session_epoch, false, 0);
        out.error_code = static_cast<int16_t>(code);
        if (code != ErrorCode::none) return out;
        for (const auto& topic_asked : m.topics) {
            auto& topic_said = out.responses.emplace_back();
            topic_said.topic_id = topic_asked.topic_id;
            for (const auto& part : topic_asked.partitions) {
                Partition& p = partitions[static_cast<size_t>(part.partition_index)];
                auto& answer = topic_said.partitions.emplace_back();
                answer.partition_index = part.partition_index;
                ++alone;
                auto result = ErrorCode::none;
                if (refuse_moved(p, id, answer))
                    result = ErrorCode::not_leader_or_follower;
                else if (sim_.rng().chance(refuse_chance))
                    result = ErrorCode::coordinator_not_available;
                else
                    result = take_acknowledgements(p, member, part.acknowledgement_batches,
                                                   m.is_renew_ack);
                answer.error_code = static_cast<int16_t>(result);
            }
        }
        if (m.share_session_epoch == -1) {
            const auto session = sessions_.find({id, member});
            end_session(member, session->second);
            sessions_.erase(session);
            ++closed_sessions;
        }
        return out;
    }

    Simulation& sim_;
    std::map<SessionKey, Session> sessions_;
    uint64_t connections_ = 0;
    std::vector<std::unique_ptr<SimNode>> hosts_;  // last: their tasks use what is above
};

}  // namespace millrace::sim
