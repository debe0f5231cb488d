// Accepts connections on one address and runs each until it ends.
//
// Owner: the node. Loop: one; everything accepted here stays on it.
// Bounds: `connections_max` at once; one more is accepted and closed. A peer that sends nothing for
// `idle_max` is closed.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

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

private:
    runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream);
    runtime::Task<void> close_idle();

    runtime::Loop& loop_;
    BufferPool& pool_;
    const ConnectionLimits limits_;
    const size_t connections_max_;
    const HandlerFactory factory_;
    std::unique_ptr<runtime::Listener> listener_;
    std::list<Connection> connections_;
    runtime::Scope scope_;
    runtime::Event stopped_;
};

}  // namespace millrace::net
