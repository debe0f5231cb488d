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
            log_refusal((*stream)->peer(),
                        fmt::format("{} connections are open", connections_.size()));
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
    if (const auto ended = co_await connection->run(); !ended)
        log_refusal(connection->peer(), ended.error().describe());
    connections_.erase(connection);
}

void Server::log_refusal(std::string_view peer, std::string_view why) {
    const auto left_out = refusals_.admit(host_of(peer), loop_.now().time_since_epoch());
    if (left_out) LOG_WARN("net", "closing {}: {}{}", peer, why, LogLimit::told(*left_out));
}

// One sweep for all connections, so that a busy one never touches a timer.
runtime::Task<void> Server::close_idle() {
    constexpr int kSweepsPerLimit = 10;
    const Duration period = std::min(limits_.idle_max, limits_.arrival_max) / kSweepsPerLimit;
    while (!co_await stopped_.wait_until(loop_, loop_.now() + period)) {
        const runtime::TimePoint idle_since = loop_.now() - limits_.idle_max;
        const runtime::TimePoint arriving_since = loop_.now() - limits_.arrival_max;
        for (Connection& connection : connections_) {
            if (connection.last_active() < idle_since) connection.close();
            if (pool_.budget().somebody_waits() &&
                connection.holds_memory_since() < arriving_since) {
                log_refusal(connection.peer(),
                            "its request arrives too slowly, and others wait for the memory");
                connection.close();
            }
        }
    }
}

}  // namespace millrace::net
