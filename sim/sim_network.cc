#include "sim/sim_network.h"

#include <algorithm>

namespace millrace::sim {

using runtime::File;
using runtime::Listener;
using runtime::Loop;
using runtime::Readiness;
using runtime::Stream;
using runtime::Task;

namespace detail {

// Bytes on their way, or the end of the stream.
struct Segment {
    std::vector<uint8_t> bytes;
    bool last;
    TimePoint sent;
    TimePoint due;
};

// One side of a connection: what it has received, and whether it may send.
struct End {
    std::string host;
    std::string peer;
    std::deque<uint8_t> received;
    bool peer_ended = false;  // all of the other side's bytes are here
    bool open = true;         // the stream on this side is
    bool silent = false;      // lost power
    ErrorCode broken = ErrorCode::none;
    size_t unread = 0;            // sent by this side, not yet read by the other
    std::deque<Segment> sending;  // by this side; its first one has an event
    Readiness readable;
    Readiness writable;

    void fail_with(ErrorCode code) {
        if (broken == ErrorCode::none) broken = code;
        readable.set();
        writable.set();
    }
};

struct Connection {
    uint64_t id = 0;
    End ends[2];
};

struct ListenerState {
    std::deque<std::shared_ptr<Connection>> waiting;
    Readiness readable;
    bool open = true;
};

}  // namespace detail

using detail::Connection;
using detail::End;
using detail::ListenerState;
using detail::Segment;

namespace {

constexpr size_t kBacklogMax = 128;

}  // namespace

class SimStream final : public Stream {
public:
    SimStream(SimFabric& fabric, std::shared_ptr<Connection> connection, int side)
        : fabric_(fabric), connection_(std::move(connection)), side_(side) {}
    ~SimStream() { SimStream::close(); }

    Result<size_t> read_now(MutableByteView into) override {
        End& self = own();
        if (!self.open) return fail(ErrorCode::cancelled);
        // What arrived before the connection broke is lost, as it is after a TCP reset.
        if (self.broken != ErrorCode::none) return fail(self.broken, "read from " + self.peer);
        const size_t enough = std::min(want_, into.size());
        if (self.received.size() < enough && !self.peer_ended) {
            self.readable.clear();
            return fail(ErrorCode::would_block);
        }
        const size_t n = std::min(into.size(), self.received.size());
        std::copy_n(self.received.begin(), n, into.begin());
        self.received.erase(self.received.begin(),
                            self.received.begin() + static_cast<ptrdiff_t>(n));
        other().unread -= n;
        if (n != 0) other().writable.set();
        return n;
    }

    Task<Result<size_t>> read(MutableByteView into) override {
        for (;;) {
            Result<size_t> n = read_now(into);
            if (n.code() != ErrorCode::would_block) co_return n;
            co_await own().readable.wait(Loop::current());
        }
    }

    Task<void> readable() override {
        const End& self = own();
        while (self.open && self.broken == ErrorCode::none && !self.peer_ended &&
               self.received.size() < want_) {
            own().readable.clear();
            co_await own().readable.wait(Loop::current());
        }
    }

    Task<Result<void>> write(std::span<const ByteView> parts) override {
        for (ByteView part : parts) {
            while (!part.empty()) {
                End& self = own();
                if (!self.open) co_return fail(ErrorCode::cancelled);
                if (self.broken != ErrorCode::none)
                    co_return fail(self.broken, "write to " + self.peer);
                const size_t room =
                    fabric_.faults.window - std::min(fabric_.faults.window, self.unread);
                if (room == 0) {
                    self.writable.clear();
                    co_await self.writable.wait(Loop::current());
                    continue;
                }
                const size_t n = std::min({room, part.size(), fabric_.faults.segment_max});
                self.unread += n;
                fabric_.send(connection_, side_,
                             {part.begin(), part.begin() + static_cast<ptrdiff_t>(n)}, false);
                part = part.subspan(n);
            }
        }
        co_return {};
    }

    Task<Result<void>> send_file(File& file, uint64_t position, uint64_t length) override {
        std::vector<uint8_t> buffer(std::min<uint64_t>(length, 65536));
        while (length != 0) {
            const MutableByteView into{buffer.data(), std::min<uint64_t>(length, buffer.size())};
            CO_TRY(const size_t n, co_await file.read_at(position, into));
            if (n == 0)
                co_return fail(ErrorCode::io_error, "the file ends before the range to send");
            const ByteView part = into.first(n);
            CO_TRY_OK(co_await write({&part, 1}));
            position += n;
            length -= n;
        }
        co_return {};
    }

    void want(size_t bytes) override {
        // No more than half a window, or the sender could never satisfy it.
        want_ = std::clamp<size_t>(bytes, 1, fabric_.faults.window / 2);
        own().readable.set();
    }

    void close() override {
        End& self = own();
        if (!self.open) return;
        self.open = false;
        self.readable.set();
        self.writable.set();
        if (self.silent || self.broken != ErrorCode::none) return;
        // Unread bytes make it a reset, as in TCP.
        if (self.received.empty())
            fabric_.send(connection_, side_, {}, true);
        else
            fabric_.send_reset(connection_, 1 - side_);
    }

    const std::string& peer() const override { return connection_->ends[side_].peer; }

private:
    End& own() { return connection_->ends[side_]; }
    End& other() { return connection_->ends[1 - side_]; }

    SimFabric& fabric_;
    std::shared_ptr<Connection> connection_;
    const int side_;
    size_t want_ = 1;
};

class SimListener final : public Listener {
public:
    SimListener(SimFabric& fabric, std::string host, uint16_t port,
                std::shared_ptr<ListenerState> state)
        : fabric_(fabric), host_(std::move(host)), port_(port), state_(std::move(state)) {}
    ~SimListener() { SimListener::close(); }

    Task<Result<std::unique_ptr<Stream>>> accept() override {
        const std::shared_ptr<ListenerState> state = state_;
        while (state->open && state->waiting.empty()) {
            state->readable.clear();
            co_await state->readable.wait(Loop::current());
        }
        if (!state->open) co_return fail(ErrorCode::cancelled);
        std::shared_ptr<Connection> connection = std::move(state->waiting.front());
        state->waiting.pop_front();
        co_return std::make_unique<SimStream>(fabric_, std::move(connection), 1);
    }

    void close() override {
        if (!std::exchange(state_->open, false)) return;
        state_->readable.set();
        const auto at = fabric_.listeners_.find({host_, port_});
        if (at != fabric_.listeners_.end() && at->second == state_) fabric_.listeners_.erase(at);
        for (const auto& connection : state_->waiting) fabric_.send_reset(connection, 0);
        state_->waiting.clear();
    }

    uint16_t port() const override { return port_; }

private:
    SimFabric& fabric_;
    const std::string host_;
    const uint16_t port_;
    std::shared_ptr<ListenerState> state_;
};

bool SimFabric::reaches(const std::string& from, const std::string& to) const {
    if (from == to) return true;
    return !isolated_.contains(from) && !isolated_.contains(to) && !blocked_.contains({from, to}) &&
           !down_.contains(to);
}

std::string SimFabric::host_of(const std::string& name, const std::string& caller) const {
    if (name.empty() || name == "localhost" || name == "127.0.0.1" || name == "0.0.0.0" ||
        name == "::")
        return caller;
    const auto at = host_of_address_.find(name);
    return at == host_of_address_.end() ? name : at->second;
}

Duration SimFabric::delay() {
    if (sim_.rng().chance(faults.slow_chance))
        return sim_.between(faults.delay_max, faults.slow_max);
    return sim_.between(faults.delay_min, faults.delay_max);
}

void SimFabric::send(const std::shared_ptr<Connection>& connection, int side,
                     std::vector<uint8_t> bytes, bool last) {
    std::deque<Segment>& sending = connection->ends[side].sending;
    TimePoint due = sim_.now() + delay();
    if (!sending.empty()) due = std::max(due, sending.back().due);
    sending.push_back({std::move(bytes), last, sim_.now(), due});
    if (sending.size() == 1) sim_.at(due, [this, connection, side] { deliver(connection, side); });
}

void SimFabric::deliver(const std::shared_ptr<Connection>& connection, int side) {
    End& from = connection->ends[side];
    const std::string& target = connection->ends[1 - side].host;
    while (!from.sending.empty() && !from.silent && from.broken == ErrorCode::none) {
        const Segment& first = from.sending.front();
        TimePoint next = first.due;
        if (next <= sim_.now() && reaches(from.host, target)) {
            const Segment segment = std::move(from.sending.front());
            from.sending.pop_front();
            arrive(connection, side, segment);
            continue;
        }
        if (next <= sim_.now()) {
            // The sender's TCP tries again; later segments stay behind this one.
            if (sim_.now() - first.sent >= faults.give_up)
                return from.fail_with(ErrorCode::deadline_exceeded);
            next = sim_.now() + faults.retry;
        }
        sim_.at(next, [this, connection, side] { deliver(connection, side); });
        return;
    }
}

void SimFabric::arrive(const std::shared_ptr<Connection>& connection, int side,
                       const Segment& segment) {
    End& from = connection->ends[side];
    End& to = connection->ends[1 - side];
    ++segments_delivered_;
    if (to.silent || to.broken != ErrorCode::none) return send_reset(connection, side);
    if (sim_.rng().chance(faults.reset_chance)) {
        from.fail_with(ErrorCode::connection_closed);
        return send_reset(connection, 1 - side);
    }
    if (!to.open) {
        // Data for a stream that was closed is answered with a reset; its end is not.
        if (!segment.last) send_reset(connection, side);
        return;
    }
    if (segment.last) {
        sim_.trace().note(TraceEvent::stream_end, connection->id, static_cast<uint64_t>(side));
        to.peer_ended = true;
    } else {
        sim_.trace().note(TraceEvent::segment, connection->id * 2 + static_cast<uint64_t>(side),
                          ByteView{segment.bytes});
        to.received.insert(to.received.end(), segment.bytes.begin(), segment.bytes.end());
    }
    to.readable.set();
}

void SimFabric::send_reset(const std::shared_ptr<Connection>& connection, int to_side) {
    sim_.after(delay(), [this, connection, to_side] {
        End& to = connection->ends[to_side];
        if (!reaches(connection->ends[1 - to_side].host, to.host))
            return;  // its own retries will fail
        sim_.trace().note(TraceEvent::reset, connection->id, static_cast<uint64_t>(to_side));
        to.fail_with(ErrorCode::connection_closed);
    });
}

void SimFabric::reset_connections(const std::string& a, const std::string& b) {
    for (const auto& weak : connections_)
        if (const auto connection = weak.lock()) {
            const std::string& x = connection->ends[0].host;
            const std::string& y = connection->ends[1].host;
            if ((x != a || y != b) && (x != b || y != a)) continue;
            sim_.trace().note(TraceEvent::reset, connection->id);
            for (End& end : connection->ends) end.fail_with(ErrorCode::connection_closed);
        }
}

SimNetwork::SimNetwork(SimFabric& fabric, std::string host)
    : fabric_(fabric),
      host_(std::move(host)),
      address_(fmt::format("10.0.0.{}", fabric.host_of_address_.size() + 1)) {
    fabric_.host_of_address_[address_] = host_;
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(const std::string& host, uint16_t port) {
    if (fabric_.host_of(host, host_) != host_)
        return fail(ErrorCode::io_error, "listen: " + host + " is not an address of " + host_);
    while (port == 0 || fabric_.listeners_.contains({host_, port})) {
        if (port != 0)
            return fail(ErrorCode::already_exists, fmt::format("bind {}:{}: in use", host_, port));
        port = next_port_++;
        if (fabric_.listeners_.contains({host_, port})) port = 0;
    }
    auto state = std::make_shared<ListenerState>();
    fabric_.listeners_[{host_, port}] = state;
    return std::make_unique<SimListener>(fabric_, host_, port, std::move(state));
}

Task<Result<std::unique_ptr<Stream>>> SimNetwork::connect(std::string host, uint16_t port) {
    Loop& loop = Loop::current();
    const std::string target = fabric_.host_of(host, host_);
    const std::string label = fmt::format("{}:{}", host, port);
    auto connection = std::make_shared<Connection>();
    connection->id = fabric_.next_connection_++;
    connection->ends[0].host = host_;
    connection->ends[0].peer = label;
    connection->ends[1].host = target;
    connection->ends[1].peer = fmt::format("{}:{}", address_, next_port_++);
    // There and back again, both of which must get through.
    const TimePoint give_up = loop.now() + fabric_.faults.give_up;
    co_await loop.sleep_for(fabric_.delay());
    while (!fabric_.reaches(host_, target) || !fabric_.reaches(target, host_)) {
        if (loop.now() >= give_up)
            co_return fail(ErrorCode::deadline_exceeded, "connect to " + label);
        co_await loop.sleep_for(fabric_.faults.retry);
    }
    const auto at = fabric_.listeners_.find({target, port});
    if (at == fabric_.listeners_.end() || at->second->waiting.size() >= kBacklogMax) {
        co_await loop.sleep_for(fabric_.delay());
        co_return fail(ErrorCode::io_error, "connect to " + label + ": connection refused");
    }
    fabric_.sim_.trace().note(TraceEvent::connect, connection->id, port);
    std::erase_if(fabric_.connections_, [](const auto& weak) { return weak.expired(); });
    fabric_.connections_.push_back(connection);
    at->second->waiting.push_back(connection);
    at->second->readable.set();
    auto stream = std::make_unique<SimStream>(fabric_, std::move(connection), 0);
    co_await loop.sleep_for(fabric_.delay());
    co_return std::move(stream);
}

void SimNetwork::go_down() {
    fabric_.down_.insert(host_);
    for (const auto& weak : fabric_.connections_)
        if (const auto connection = weak.lock())
            for (End& end : connection->ends)
                if (end.host == host_) end.silent = true;
    forget_listeners();
}

void SimNetwork::forget_listeners() {
    std::erase_if(fabric_.listeners_, [&](auto& entry) {
        if (entry.first.first != host_) return false;
        entry.second->open = false;
        for (const auto& connection : entry.second->waiting) fabric_.send_reset(connection, 0);
        return true;
    });
}

}  // namespace millrace::sim
