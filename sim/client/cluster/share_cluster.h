// The smallest cluster that serves a share group: brokers that answer what ShareConsumer asks, on
// one state that they all see. Members are given every partition. For tests of the client, as our
// node has no share groups.
#pragma once

#include <set>

#include "protocol/messages/alter_client_quotas.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/get_telemetry_subscriptions.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/push_telemetry.h"
#include "protocol/messages/share_acknowledge.h"
#include "protocol/messages/share_fetch.h"
#include "protocol/messages/share_group_heartbeat.h"
#include "protocol/messages/unregister_broker.h"
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

    ShareCluster(Simulation& sim, SimFabric& fabric, int brokers, int partitions);

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
    NodeId controller = 0;     // as the metadata says
    NodeId active = 0;         // and as it is
    size_t asked_in_vain = 0;  // requests for the active one that another one refused
    size_t piggybacked = 0;    // acknowledgements that came with a fetch
    size_t alone = 0;          // that came by ShareAcknowledge
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

    runtime::Task<void> listen(NodeId id, runtime::Context& context);
    runtime::Task<void> serve(NodeId id, uint64_t connection,
                              std::unique_ptr<runtime::Stream> stream);
    runtime::Task<Result<Chain>> handle(NodeId id, uint64_t connection, SharedBytes frame);
    protocol::ApiVersionsResponse versions() const;
    protocol::PushTelemetryResponse take_push(const protocol::PushTelemetryRequest& m);
    protocol::MetadataResponse metadata() const;
    protocol::FindCoordinatorResponse coordinator() const;
    ErrorCode judge_controller(NodeId id);
    protocol::ShareGroupHeartbeatResponse heartbeat(const protocol::ShareGroupHeartbeatRequest& m);
    void end_session(const std::string& member, const Session& session);
    // Finds the session that a request belongs to, or says why there is none.
    ErrorCode find_session(NodeId id, const std::string& member, int32_t epoch, bool may_open,
                           uint64_t connection);
    template <typename Said>
    bool refuse_moved(const Partition& p, NodeId id, Said& said) const;
    template <typename Batches>
    ErrorCode take_acknowledgements(Partition& p, const std::string& member, const Batches& batches,
                                    bool renews);
    runtime::Task<protocol::ShareFetchResponse> fetch(NodeId id, uint64_t connection,
                                                      const protocol::ShareFetchRequest& m);
    protocol::ShareAcknowledgeResponse acknowledge(NodeId id,
                                                   const protocol::ShareAcknowledgeRequest& m);

    Simulation& sim_;
    std::map<SessionKey, Session> sessions_;
    uint64_t connections_ = 0;
    std::vector<std::unique_ptr<SimNode>> hosts_;  // last: their tasks use what is above
};

}  // namespace millrace::sim
