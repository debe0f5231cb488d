// The brokers that a client knows and its connections to them: opened when first needed, closed
// when idle, opened again with back-off.
//
// Until the first metadata has come the brokers are the bootstrap addresses, under negative ids.
// Owner: Cluster. Loop: its. One connection for each broker.
#pragma once

#include <map>
#include <memory>

#include "client/broker_connection.h"
#include "client/client_config.h"

namespace millrace::client {

using ConnectionPtr = std::shared_ptr<BrokerConnection>;

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
    runtime::Task<Result<ConnectionPtr>> connection(NodeId id, runtime::TimePoint deadline);
    // The broker with the fewest requests in flight; without an open connection one that may be
    // tried at once, at random. Nothing when there are no brokers.
    std::optional<NodeId> least_loaded();
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
        ConnectionPtr connection;
        runtime::AsyncMutex connecting;
        int failures = 0;
        runtime::TimePoint not_before{};
        bool usable() const { return connection && connection->open(); }
    };

    runtime::Task<Result<ConnectionPtr>> connect(std::shared_ptr<Node> node,
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
