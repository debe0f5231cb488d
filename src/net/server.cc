#include "net/server.h"

#include "base/log.h"

namespace millrace::net {

Server::Server(runtime::Loop& loop, BufferPool& pool, ConnectionLimits limits,
               size_t connections_max, HandlerFactory factory)
    : loop_(loop),
      pool_(pool),
      limits_(limits),
      connections_max_(connections_max),
      factory_(std::move(factory)),
      scope_(loop) {}

Server::~Server() = default;

Result<void> Server::listen(runtime::Network& network, const std::string& host, uint16_t port) {
    TRY(listener_, network.listen(host, port));
    return {};
}

runtime::Task<void> Server::run() {
    scope_.spawn(close_idle());
    for (;;) {
        auto stream = co_await listener_->accept();
        if (!stream) {
            if (stream.code() == ErrorCode::cancelled) break;
            LOG_WARN("net", "accept: {}", stream.error().describe());
            continue;
        }
        if (connections_.size() >= connections_max_) {
            LOG_WARN("net", "refusing {}: {} connections are open", (*stream)->peer(),
                     connections_.size());
            continue;
        }
        scope_.spawn(serve(*std::move(stream)));
    }
    for (Connection& connection : connections_) connection.close();
    co_await scope_.join();
}

void Server::stop() {
    listener_->close();
    stopped_.set();
}

runtime::Task<void> Server::serve(std::unique_ptr<runtime::Stream> stream) {
    auto handler = factory_(stream->peer());
    const auto connection = connections_.emplace(connections_.end(), loop_, std::move(stream),
                                                 pool_, limits_, std::move(handler));
    co_await connection->run();
    connections_.erase(connection);
}

// One sweep for all connections, so that a busy one never touches a timer.
runtime::Task<void> Server::close_idle() {
    constexpr int kSweepsPerLimit = 10;
    while (!co_await stopped_.wait_until(loop_, loop_.now() + limits_.idle_max / kSweepsPerLimit)) {
        for (Connection& connection : connections_)
            if (loop_.now() - connection.last_active() > limits_.idle_max) connection.close();
    }
}

}  // namespace millrace::net
