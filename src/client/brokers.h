// The brokers that a client knows and its connections to them: opened when first needed, closed
// when idle, opened again with back-off.
//
// Until the first metadata has come the brokers are the bootstrap addresses, under negative ids.
// A broker answers a connection's requests in order, so a fetch that waits for records would hold
// up what comes after it: fetches have a connection of their own.
//
// Owner: Cluster. Loop: its. Bound: a connection for each broker and lane.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "client/broker_connection.h"
#include "client/client_config.h"

namespace millrace::client {

using ConnectionPtr = std::shared_ptr<BrokerConnection>;

enum class Lane : uint8_t { calls, fetches };

class Brokers {
public:
    // `config` must live longer.
    Brokers(runtime::Context context, const ClientConfig& config);

    // What the metadata says now. A broker that is gone or listens elsewhere loses its connection.
    void replace(const std::map<NodeId, Address>& known);
    // Forgets what the metadata said.
    void forget();
    bool bootstrapping() const { return !nodes_.empty() && nodes_.begin()->first < 0; }

    // Open already, or one attempt to open it, which begins when the back-off after the last failed
    // one is over. Errors: unknown broker id: broker_not_available; else those of
    // BrokerConnection::open.
    runtime::Task<Result<ConnectionPtr>> connection(NodeId id, Lane lane,
                                                    runtime::TimePoint deadline);
    // The broker with the fewest requests in flight; without an open connection one that may be
    // tried at once, at random. Nothing when there are no brokers.
    std::optional<NodeId> least_loaded();
    // Requests without an answer, on all connections.
    size_t in_flight() const;
    // nullptr when there is none.
    const Address* address(NodeId id) const;
    // Closes connections that were not used for connections.max.idle.ms.
    void close_idle();
    void close_all();
    const TrafficPtr& traffic() const { return traffic_; }

private:
    struct Node {
        Node(NodeId i, Address a) : id(i), address(std::move(a)) {}
        const NodeId id;
        const Address address;
        struct Line {
            ConnectionPtr connection;
            runtime::AsyncMutex connecting;
            int failures = 0;
            runtime::TimePoint not_before{};
            bool usable() const { return connection && connection->open(); }
            void close(std::string why);
        };
        std::array<Line, 2> lines;  // by Lane
        Line& line(Lane lane) { return lines[static_cast<size_t>(lane)]; }
        // For all but fetches.
        const Line& calls() const { return lines[0]; }
        void close(const std::string& why) {
            for (Line& line : lines) line.close(why);
        }
    };

    runtime::Task<Result<ConnectionPtr>> connect(std::shared_ptr<Node> node, Lane lane,
                                                 runtime::TimePoint deadline);
    void add(NodeId id, Address address);

    TrafficPtr traffic_ = std::make_shared<ClientTraffic>();
    runtime::Context context_;
    const ClientConfig& config_;
    net::BufferPool pool_;
    // A node that was replaced while a task connects to it lives until that ends.
    std::map<NodeId, std::shared_ptr<Node>> nodes_;
};

}  // namespace millrace::client
