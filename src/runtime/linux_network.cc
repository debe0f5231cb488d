#include "runtime/linux_network.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/linux_stream.h"

namespace millrace::runtime {
namespace {

// Out of descriptors: closing others is the only cure, so look again after a while.
constexpr Duration kAcceptPause = std::chrono::milliseconds{50};
constexpr size_t kCopyBuffersMax = 8;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;

    sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
    const in_addr* mapped_v4() const {
        if (storage.ss_family == AF_INET)
            return &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
        const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&v6)) return nullptr;
        return reinterpret_cast<const in_addr*>(&v6.s6_addr[12]);
    }
    uint16_t port() const {
        return ntohs(storage.ss_family == AF_INET
                         ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                         : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    }
    std::string text() const {
        char buffer[INET6_ADDRSTRLEN] = {};
        if (const in_addr* v4 = mapped_v4()) {
            ::inet_ntop(AF_INET, v4, buffer, sizeof buffer);
            return fmt::format("{}:{}", buffer, port());
        }
        const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
        ::inet_ntop(AF_INET6, &v6, buffer, sizeof buffer);
        return fmt::format("[{}]:{}", buffer, port());
    }
};

Result<std::vector<Address>> look_up(const std::string& host, uint16_t port, int flags) {
    const addrinfo hints{.ai_flags = flags | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                    std::to_string(port).c_str(), &hints, &found);
    if (error != 0)
        return fail(ErrorCode::io_error, fmt::format("look up {}: {}", host, gai_strerror(error)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{found, ::freeaddrinfo};
    std::vector<Address> addresses;
    for (const addrinfo* at = found; at; at = at->ai_next) {
        Address& address = addresses.emplace_back();
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
    }
    return addresses;
}

Result<FileDescriptor> listen_on(const Address& address, const LinuxNetwork::Options& options) {
    FileDescriptor socket{
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket) return system_error("socket for", address.text());
    const int on = 1;
    const int off = 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options.shared_port) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6)
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // Accepted sockets inherit them; set any later, the window could not grow to a large one.
    const auto set_buffer = [&](int option, int bytes) {
        if (bytes >= 0) ::setsockopt(socket.get(), SOL_SOCKET, option, &bytes, sizeof bytes);
    };
    set_buffer(SO_SNDBUF, options.send_buffer_bytes);
    set_buffer(SO_RCVBUF, options.receive_buffer_bytes);
    if (::bind(socket.get(), address.raw(), address.size) != 0)
        return system_error("bind", address.text());
    if (::listen(socket.get(), options.backlog) != 0) return system_error("listen", address.text());
    return socket;
}

class LinuxListener final : public Listener, Watch {
public:
    LinuxListener(LinuxNetwork& network, FileDescriptor socket, uint16_t port)
        : network_(network), socket_(std::move(socket)), port_(port) {}
    ~LinuxListener() { close(); }

    Result<void> start() { return network_.loop().watch(socket_.get(), *this); }
    Task<Result<std::unique_ptr<Stream>>> accept() override;
    void close() override {
        if (!socket_) return;
        network_.loop().unwatch(socket_.get());
        socket_.reset();
        readable_.set();
    }
    uint16_t port() const override { return port_; }

private:
    void on_events(uint32_t) override { readable_.set(); }
    // would_block: nothing waits, or (exhausted_) the system has no descriptor left.
    Result<std::unique_ptr<Stream>> accept_now();

    LinuxNetwork& network_;
    FileDescriptor socket_;
    Readiness readable_;
    bool exhausted_ = false;
    const uint16_t port_;
};

Result<std::unique_ptr<Stream>> LinuxListener::accept_now() {
    if (!socket_) return fail(ErrorCode::cancelled);
    if (!readable_.is_set()) return fail(ErrorCode::would_block);
    for (;;) {
        Address from;
        FileDescriptor socket{
            ::accept4(socket_.get(), from.raw(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (socket) {
            auto stream = std::make_unique<LinuxStream>(network_, std::move(socket), from.text());
            TRY_OK(stream->start());
            return stream;
        }
        switch (errno) {
            case EAGAIN:
                readable_.clear();
                return fail(ErrorCode::would_block);
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM:
                exhausted_ = true;
                return fail(ErrorCode::would_block);
            // A connection that died in the queue, or an interruption; the manual lists these as
            // such.
            case EINTR:
            case ECONNABORTED:
            case EPROTO:
            case ENETDOWN:
            case EHOSTDOWN:
            case EHOSTUNREACH:
            case ENETUNREACH:
                continue;
            default:
                return system_error("accept on", fmt::format("port {}", port_));
        }
    }
}

Task<Result<std::unique_ptr<Stream>>> LinuxListener::accept() {
    bool warned = false;
    for (;;) {
        exhausted_ = false;
        Result<std::unique_ptr<Stream>> stream = accept_now();
        if (stream.code() != ErrorCode::would_block) co_return stream;
        if (!exhausted_) {
            co_await readable_.wait(network_.loop());
            continue;
        }
        if (!std::exchange(warned, true))
            LOG_WARN("runtime", "port {}: no descriptor left for a new connection", port_);
        co_await network_.loop().sleep_for(kAcceptPause);
    }
}

}  // namespace

Result<std::unique_ptr<Listener>> LinuxNetwork::listen(const std::string& host, uint16_t port) {
    TRY(std::vector<Address> addresses, look_up(host, port, AI_PASSIVE));
    // For all addresses prefer the IPv6 one, which takes both kinds.
    if (host.empty())
        std::ranges::sort(addresses, std::greater{},
                          [](const Address& a) { return a.storage.ss_family == AF_INET6; });
    Result<FileDescriptor> socket = fail(ErrorCode::io_error, "no address for " + host);
    for (const Address& address : addresses) {
        socket = listen_on(address, options_);
        if (socket.has_value() || socket.code() == ErrorCode::already_exists) break;
    }
    if (!socket.has_value()) return std::move(socket).error();
    Address bound;
    ::getsockname(socket->get(), bound.raw(), &bound.size);
    auto listener = std::make_unique<LinuxListener>(*this, *std::move(socket), bound.port());
    TRY_OK(listener->start());
    return listener;
}

Task<Result<std::unique_ptr<Stream>>> LinuxNetwork::connect(std::string host, uint16_t port) {
    Result<std::vector<Address>> addresses = look_up(host, port, AI_NUMERICHOST);
    if (!addresses.has_value())
        addresses =
            co_await run_blocking(pool_, loop_, [&host, port] { return look_up(host, port, 0); });
    if (!addresses.has_value()) co_return std::move(addresses).error();
    Error last = fail(ErrorCode::io_error, "no address for " + host);
    for (const Address& address : *addresses) {
        FileDescriptor socket{
            ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (!socket) co_return system_error("socket for", address.text());
        const int error = ::connect(socket.get(), address.raw(), address.size) == 0 ? 0 : errno;
        auto stream = std::make_unique<LinuxStream>(*this, std::move(socket), address.text());
        Result<void> connected;
        if (error == EINPROGRESS)
            connected = co_await stream->finish_connect();
        else if (error == 0)
            connected = stream->start();
        else
            connected = system_error("connect to", address.text(), error);
        if (connected.has_value()) co_return std::move(stream);
        last = std::move(connected).error();
    }
    co_return last;
}

std::unique_ptr<uint8_t[]> LinuxNetwork::take_copy_buffer() {
    if (copy_buffers_.empty()) return std::make_unique_for_overwrite<uint8_t[]>(kCopyBytes);
    std::unique_ptr<uint8_t[]> buffer = std::move(copy_buffers_.back());
    copy_buffers_.pop_back();
    return buffer;
}

void LinuxNetwork::return_copy_buffer(std::unique_ptr<uint8_t[]> buffer) {
    if (copy_buffers_.size() < kCopyBuffersMax) copy_buffers_.push_back(std::move(buffer));
}

}  // namespace millrace::runtime
