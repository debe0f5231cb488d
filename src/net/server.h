// Accepts connections on one address and runs each until it ends.
//
// Owner: the node. Loop: one; everything accepted here stays on it.
// Bounds: `connections_max` at once; one more is accepted and closed. A peer that sends nothing for
// `idle_max` is closed, and one whose large request has been arriving for `arrival_max` while others
// wait for memory. What is refused is logged with the peer's address, some lines a minute for each
// host.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/log_limit.h"
#include "net/connection.h"
#include "runtime/scope.h"

namespace millrace::net {

using HandlerFactory = std::function<std::unique_ptr<FrameHandler>(const std::string& peer)>;

class Server {
public:
    Server(runtime::Loop& loop, BufferPool& pool, ConnectionLimits limits, size_t connections_max,
           HandlerFactory factory);
    ~Server();

    // already_exists when the port is taken.
    Result<void> listen(runtime::Network& network, const std::string& host, uint16_t port);
    uint16_t port() const { return listener_->port(); }
    // Accepts until stop(); then closes what is open and waits for it.
    runtime::Task<void> run();
    void stop();
    size_t connection_count() const { return connections_.size(); }
    const RequestBudget& request_budget() const { return pool_.budget(); }

private:
    runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream);
    // Closes who sends nothing, or too slowly for what others wait for.
    runtime::Task<void> close_idle();
    // Logs that a peer is refused, unless this host has filled its share of the log.
    void log_refusal(std::string_view peer, std::string_view why);

    runtime::Loop& loop_;
    BufferPool& pool_;
    const ConnectionLimits limits_;
    const size_t connections_max_;
    const HandlerFactory factory_;
    std::unique_ptr<runtime::Listener> listener_;
    std::list<Connection> connections_;
    LogLimit refusals_;
    runtime::Scope scope_;
    runtime::Event stopped_;
};

}  // namespace millrace::net
