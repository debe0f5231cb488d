// The simulated network: hosts in one process, joined by TCP-like connections. A SimFabric is the
// wire, a SimNetwork is what one host sees of it.
//
// Bytes of a connection arrive whole and in order, in pieces and with delays that the seed decides.
// What can go wrong: a blocked direction (its segments are tried again until it is open, or until
// give_up, when the sender sees deadline_exceeded), a connection that is reset, a host that is
// gone.
#pragma once

#include <map>
#include <set>

#include "runtime/network.h"
#include "runtime/readiness.h"
#include "sim/simulation.h"

namespace millrace::sim {

struct NetworkFaults {
    Duration delay_min = std::chrono::microseconds{50};
    Duration delay_max = std::chrono::milliseconds{2};
    double reset_chance = 0;  // for each segment: the connection dies for both sides
    double slow_chance = 0;   // for each segment: it takes up to slow_max
    Duration slow_max = std::chrono::seconds{3};
    size_t segment_max = 16 * 1024;
    size_t window = 128 * 1024;  // sent and not yet read
    Duration retry = std::chrono::milliseconds{200};
    Duration give_up = std::chrono::seconds{60};
};

namespace detail {
struct Connection;
struct ListenerState;
struct Segment;
}  // namespace detail

class SimFabric {
public:
    explicit SimFabric(Simulation& sim) : sim_(sim) {}

    NetworkFaults faults;

    // One way: what `from` sends does not reach `to`.
    void block(const std::string& from, const std::string& to) { blocked_.emplace(from, to); }
    void unblock(const std::string& from, const std::string& to) { blocked_.erase({from, to}); }
    // Both ways between this host and all others.
    void isolate(const std::string& host) { isolated_.insert(host); }
    void heal() {
        blocked_.clear();
        isolated_.clear();
    }
    // Resets every connection between the two.
    void reset_connections(const std::string& a, const std::string& b);
    bool reaches(const std::string& from, const std::string& to) const;
    uint64_t segments_delivered() const { return segments_delivered_; }

private:
    friend class SimNetwork;
    friend class SimStream;
    friend class SimListener;

    // An address, `localhost` or an empty one is the caller's own host.
    std::string host_of(const std::string& name, const std::string& caller) const;
    Duration delay();
    using ConnectionRef = std::shared_ptr<detail::Connection>;
    void send(const ConnectionRef& connection, int side, std::vector<uint8_t> bytes, bool last);
    void deliver(const ConnectionRef& connection, int side);
    void arrive(const ConnectionRef& connection, int side, const detail::Segment& segment);
    void send_reset(const ConnectionRef& connection, int to_side);

    Simulation& sim_;
    std::map<std::string, std::string> host_of_address_;
    std::map<std::pair<std::string, uint16_t>, std::shared_ptr<detail::ListenerState>> listeners_;
    std::vector<std::weak_ptr<detail::Connection>> connections_;
    std::set<std::pair<std::string, std::string>> blocked_;
    std::set<std::string> isolated_;
    std::set<std::string> down_;
    uint64_t next_connection_ = 0;
    uint64_t segments_delivered_ = 0;
};

class SimNetwork final : public runtime::Network {
public:
    // Registers the host, with an address 10.0.0.x of its own besides its name.
    SimNetwork(SimFabric& fabric, std::string host);

    runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string host,
                                                                    uint16_t port) override;
    Result<std::unique_ptr<runtime::Listener>> listen(const std::string& host,
                                                      uint16_t port) override;
    const std::string& address() const { return address_; }

    // The host loses power: its connections end without a word, its listeners are gone.
    void go_down();
    // Its process died: its ports are free again. (Its streams were closed with their tasks.)
    void forget_listeners();
    void come_up() { fabric_.down_.erase(host_); }

private:
    SimFabric& fabric_;
    std::string host_;
    std::string address_;
    uint16_t next_port_ = 49'152;
};

}  // namespace millrace::sim
