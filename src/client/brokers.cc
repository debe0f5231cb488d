#include "client/brokers.h"

#include <fmt/format.h>

#include "client/backoff.h"

namespace millrace::client {
namespace {

// A client's memory is bounded by what it asks for, not by its connections.
net::BufferPool::Limits pool_limits() {
    return {.kept_bytes_max = 16u << 20, .request_bytes_max = UINT64_MAX};
}

}  // namespace

Brokers::Brokers(runtime::Context context, const ClientConfig& config)
    : context_(context), config_(config), pool_(pool_limits()) {
    forget();
}

void Brokers::Node::Line::close(std::string why) {
    if (!connection) return;
    connection->close(fail(ErrorCode::connection_closed, std::move(why)));
    connection.reset();
}

void Brokers::add(NodeId id, Address address) {
    nodes_.emplace(id, std::make_shared<Node>(id, std::move(address)));
}

void Brokers::forget() {
    close_all();
    nodes_.clear();
    NodeId id = -1;
    for (const Address& address : config_.bootstrap_servers) add(id--, address);
}

void Brokers::replace(const std::map<NodeId, Address>& known) {
    std::erase_if(nodes_, [&](auto& entry) {
        const auto found = known.find(entry.first);
        if (found != known.end() && found->second == entry.second->address) return false;
        entry.second->close("the broker is not part of the cluster any more");
        return true;
    });
    for (const auto& [id, address] : known)
        if (!nodes_.contains(id)) add(id, address);
}

runtime::Task<Result<ConnectionPtr>> Brokers::connection(NodeId id, Lane lane,
                                                         runtime::TimePoint deadline) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end())
        co_return fail(ErrorCode::broker_not_available, fmt::format("broker {} is not known", id));
    if (const Node::Line& line = found->second->line(lane); line.usable())
        co_return line.connection;
    co_return co_await connect(found->second, lane, deadline);
}

runtime::Task<Result<ConnectionPtr>> Brokers::connect(std::shared_ptr<Node> node, Lane lane,
                                                      runtime::TimePoint deadline) {
    Node::Line& line = node->line(lane);
    const auto guard = co_await line.connecting.lock();
    if (line.usable()) co_return line.connection;
    if (line.not_before > context_.loop.now()) {
        co_await context_.loop.sleep_until(std::min(line.not_before, deadline));
        if (context_.loop.now() >= deadline)
            co_return fail(ErrorCode::deadline_exceeded,
                           fmt::format("no connection to {} in time", node->address.text()));
    }
    const auto give_up = std::min(deadline, context_.loop.now() + config_.connection_setup_timeout);
    auto opened = co_await BrokerConnection::open(context_, pool_, node->address, config_.client_id,
                                                  {traffic_, node->id}, give_up);
    if (opened) {
        line.failures = 0;
        // Also for a connection that opens and closes at once.
        line.not_before = context_.loop.now() + config_.reconnect_backoff;
        line.connection = *opened;
        co_return std::move(opened);
    }
    line.not_before =
        context_.loop.now() + backoff(config_.reconnect_backoff, config_.reconnect_backoff_max,
                                      line.failures++, context_.loop.rng());
    co_return fail(
        opened.error().code,
        fmt::format("cannot connect to {}: {}", node->address.text(), opened.error().describe()));
}

std::optional<NodeId> Brokers::least_loaded() {
    const runtime::TimePoint now = context_.loop.now();
    std::optional<NodeId> open;
    size_t open_load = 0;
    std::vector<NodeId> ready;
    std::optional<NodeId> soonest;
    for (const auto& [id, node] : nodes_) {
        if (node->calls().usable()) {
            const size_t load = node->calls().connection->in_flight();
            if (open && open_load <= load) continue;
            open = id;
            open_load = load;
        } else if (node->calls().not_before <= now) {
            ready.push_back(id);
        } else if (!soonest || node->calls().not_before < nodes_.at(*soonest)->calls().not_before) {
            soonest = id;
        }
    }
    if (open) return open;
    if (!ready.empty()) return ready[context_.loop.rng().below(ready.size())];
    return soonest;
}

size_t Brokers::in_flight() const {
    size_t out = 0;
    for (const auto& [id, node] : nodes_)
        for (const Node::Line& line : node->lines)
            if (line.usable()) out += line.connection->in_flight();
    return out;
}

const Address* Brokers::address(NodeId id) const {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : &found->second->address;
}

void Brokers::close_idle() {
    if (config_.connections_max_idle.count() < 0) return;
    const runtime::TimePoint since = context_.loop.now() - config_.connections_max_idle;
    for (const auto& [id, node] : nodes_) {
        for (Node::Line& line : node->lines) {
            if (!line.usable() || line.connection->in_flight() != 0) continue;
            if (line.connection->last_used() <= since) line.close("the connection was idle");
        }
    }
}

void Brokers::close_all() {
    for (const auto& [id, node] : nodes_) node->close("the client is closing");
}

}  // namespace millrace::client
