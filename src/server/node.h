// A whole node: one broker and its controller, a cluster of one, built from its parts and taken
// down again in order. It stands on the interfaces of `runtime` only, so that it runs in the
// simulator as it does on Linux.
//
//   auto node = co_await Node::start(context, options);   // formatted if new, recovered, listening
//   co_await (*node)->run();                              // until stop(); then all is closed
//
// Owner: main (server/serve.cc), or a simulation. Loop: the one of the context, for everything.
// Errors of start(): what kept it from starting, as a sentence for the operator.
// Kafka: KafkaRaftServer, BrokerServer, ControllerServer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "broker/broker.h"
#include "broker/coordinator_host.h"
#include "broker/transaction_host.h"
#include "config/broker_config.h"
#include "net/buffer_pool.h"
#include "net/http_server.h"
#include "net/server.h"
#include "runtime/context.h"
#include "runtime/scope.h"
#include "storage/cleaner.h"

namespace millrace::server {

struct NodeOptions {
    std::shared_ptr<const config::BrokerConfig> config;
    // Segment files to keep open (a part of the process's limit of descriptors).
    size_t open_files_max = 512;
};

class Node {
public:
    // What the context refers to must outlive the node.
    static runtime::Task<Result<std::unique_ptr<Node>>> start(runtime::Context context,
                                                              NodeOptions options);
    ~Node();
    Node(const Node&) = delete;

    // Serves until stop(). The error is why a clean stop was not possible, or why the node gave up.
    runtime::Task<Result<void>> run();
    void stop() { stop_wanted_.set(); }

    // Where clients connect.
    const std::string& host() const { return host_; }
    uint16_t port() const { return server_->port(); }
    // Of /metrics and /health; nothing when millrace.metrics.port is 0.
    std::optional<uint16_t> metrics_port() const;
    const std::string& cluster_id() const { return cluster_id_; }
    bool newly_formatted() const { return newly_formatted_; }
    broker::Broker& broker() { return *broker_; }

private:
    Node(runtime::Context context, NodeOptions options);
    runtime::Task<Result<void>> open_directories();
    runtime::Task<Result<void>> start_metadata();
    runtime::Task<Result<void>> start_broker();
    Result<void> listen();
    Result<void> listen_http();
    runtime::Task<void> maintain();
    runtime::Task<Result<void>> close();

    const runtime::Context context_;
    const std::shared_ptr<const config::BrokerConfig> config_;
    const size_t open_files_max_;
    std::string cluster_id_;
    std::string host_;
    Uuid metadata_directory_id_;
    bool newly_formatted_ = false;
    uint64_t memory_returned_at_ = 0;  // of LogManager::logs_put_away()
    int64_t broker_epoch_ = -1;

    // In the order of their construction; each uses those before it.
    net::BufferPool buffers_;
    broker::RequestMetrics metrics_;
    std::unique_ptr<storage::LogManager> logs_;
    std::unique_ptr<controller::MetadataNode> metadata_;
    std::unique_ptr<group::GroupCoordinator> groups_;
    std::unique_ptr<transaction::TransactionCoordinator> transactions_;
    std::unique_ptr<broker::Broker> broker_;
    std::unique_ptr<broker::TransactionHost> transaction_host_;
    std::unique_ptr<broker::CoordinatorHost> groups_loader_;
    std::unique_ptr<broker::CoordinatorHost> transactions_loader_;
    std::unique_ptr<storage::Cleaner> cleaner_;
    std::unique_ptr<net::Server> server_;
    std::unique_ptr<net::HttpServer> http_;  // null: no metrics endpoint
    runtime::Scope scope_;
    runtime::Event stop_wanted_;
};

}  // namespace millrace::server
