#include "runtime/linux_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace millrace::runtime {
namespace {

// Parts of one system call; far below IOV_MAX, and small on the stack.
constexpr size_t kPartsPerCall = 128;
// The kernel raises the receive buffer to twice the mark; this bounds that.
constexpr size_t kWantMax = 1024 * 1024;
// One sendfile call; both its ends are looked up in the page cache first.
constexpr uint64_t kSendfileBytes = 256 * 1024;

bool in_page_cache(int file, uint64_t position) {
    uint8_t byte;
    const iovec into{&byte, 1};
    return ::preadv2(file, &into, 1, static_cast<off_t>(position), RWF_NOWAIT) >= 0 ||
           errno == EOPNOTSUPP;
}

// Makes the range resident by reading it, on a pool thread.
bool read_through(int file, uint64_t position, uint64_t length) {
    std::array<uint8_t, 16384> scratch;
    for (uint64_t done = 0; done < length;) {
        const ssize_t n =
            ::pread(file, scratch.data(), std::min<uint64_t>(scratch.size(), length - done),
                    static_cast<off_t>(position + done));
        if (n <= 0) return false;  // sendfile will meet the same and tell
        done += static_cast<uint64_t>(n);
    }
    return true;
}

}  // namespace

LinuxStream::LinuxStream(LinuxNetwork& network, FileDescriptor socket, std::string peer)
    : network_(network), socket_(std::move(socket)), peer_(std::move(peer)) {}

Result<void> LinuxStream::start() {
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return network_.loop().watch(socket_.get(), *this);
}

Task<Result<void>> LinuxStream::finish_connect() {
    writable_.clear();
    CO_TRY_OK(start());
    co_await writable_.wait(network_.loop());
    if (!socket_) co_return fail(ErrorCode::cancelled);
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return system_error("connect to", peer_, error);
    peer_ended_ = false;
    co_return {};
}

void LinuxStream::on_events(uint32_t events) {
    constexpr uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (events & kEnded) peer_ended_ = true;
    if (events & (EPOLLIN | kEnded)) readable_.set();
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_.set();
}

Result<size_t> LinuxStream::read_now(MutableByteView into) {
    DEBUG_INVARIANT(!into.empty());
    if (!socket_) return fail(ErrorCode::cancelled);
    if (!readable_.is_set()) return fail(ErrorCode::would_block);
    for (;;) {
        const ssize_t n = ::recv(socket_.get(), into.data(), into.size(), 0);
        if (n >= 0) {
            // Fewer bytes than asked for: all was taken, and the next byte is a new edge. The end
            // of the stream gives none if it was there already.
            if (static_cast<size_t>(n) < into.size() && !peer_ended_) readable_.clear();
            return static_cast<size_t>(n);
        }
        if (errno == EAGAIN) {
            readable_.clear();
            return fail(ErrorCode::would_block);
        }
        if (errno != EINTR) return system_error("read from", peer_);
    }
}

Task<Result<size_t>> LinuxStream::read(MutableByteView into) {
    for (;;) {
        Result<size_t> n = read_now(into);
        if (n.has_value() || n.error().code != ErrorCode::would_block) co_return n;
        set_mark(std::min(wanted_, into.size()));
        co_await readable_.wait(network_.loop());
    }
}

Task<void> LinuxStream::readable() {
    if (!socket_) co_return;
    set_mark(wanted_);
    co_await readable_.wait(network_.loop());
}

Result<void> LinuxStream::write_now(std::span<const ByteView>& parts, size_t& skip) {
    if (!socket_) return fail(ErrorCode::cancelled);
    for (;;) {
        while (!parts.empty() && skip >= parts.front().size()) {
            skip -= parts.front().size();
            parts = parts.subspan(1);
        }
        if (parts.empty()) return {};
        if (!writable_.is_set()) return fail(ErrorCode::would_block);

        std::array<iovec, kPartsPerCall> vectors;
        const size_t count = std::min(parts.size(), vectors.size());
        size_t total = 0;
        for (size_t i = 0; i != count; ++i) {
            const ByteView part = i == 0 ? parts[i].subspan(skip) : parts[i];
            vectors[i] = {const_cast<uint8_t*>(part.data()), part.size()};
            total += part.size();
        }
        const msghdr message{.msg_iov = vectors.data(), .msg_iovlen = count};
        const ssize_t n = count == 1
                              ? ::send(socket_.get(), vectors[0].iov_base, total, MSG_NOSIGNAL)
                              : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return system_error("write to", peer_);
            writable_.clear();
            continue;
        }
        if (static_cast<size_t>(n) < total) writable_.clear();  // full: room is a new edge
        skip += static_cast<size_t>(n);
    }
}

Task<Result<void>> LinuxStream::write(std::span<const ByteView> parts) {
    size_t skip = 0;
    for (;;) {
        Result<void> done = write_now(parts, skip);
        if (done.has_value() || done.error().code != ErrorCode::would_block) co_return done;
        co_await writable_.wait(network_.loop());
    }
}

// sendfile costs less than copying through a buffer here: 0.15 CPU seconds a GB against 0.38 with a
// receiver that is busy on another core of the same machine (bench/RESULTS.md, w2), and on a
// network card it saves the copy altogether.
[[clang::coro_wrapper]] Task<Result<void>> LinuxStream::send_file(File& file, uint64_t position,
                                                                  uint64_t length) {
    auto* const linux_file = dynamic_cast<LinuxFile*>(&file);
    if (linux_file) return send_mapped(*linux_file, position, length);
    return send_copied(file, position, length);
}

Result<size_t> LinuxStream::sendfile_now(int file, uint64_t position, uint64_t length) {
    if (!socket_) return fail(ErrorCode::cancelled);
    if (!writable_.is_set()) return fail(ErrorCode::would_block);
    for (;;) {
        off_t at = static_cast<off_t>(position);
        const ssize_t n = ::sendfile(socket_.get(), file, &at, length);
        if (n > 0) return static_cast<size_t>(n);
        if (n == 0) return fail(ErrorCode::io_error, "the file ends before the range to send");
        if (errno == EAGAIN) {
            writable_.clear();
            return fail(ErrorCode::would_block);
        }
        if (errno != EINTR) return system_error("sendfile to", peer_);
    }
}

Task<Result<void>> LinuxStream::send_mapped(LinuxFile& file, uint64_t position, uint64_t length) {
    const int descriptor = file.descriptor();
    while (length != 0) {
        uint64_t piece = std::min(length, kSendfileBytes);
        if (!in_page_cache(descriptor, position) ||
            !in_page_cache(descriptor, position + piece - 1))
            co_await run_blocking(network_.pool(), network_.loop(),
                                  [=] { return read_through(descriptor, position, piece); });
        while (piece != 0) {
            Result<size_t> n = sendfile_now(descriptor, position, piece);
            if (n.has_value()) {
                position += *n;
                piece -= *n;
                length -= *n;
            } else if (n.error().code == ErrorCode::would_block) {
                co_await writable_.wait(network_.loop());
            } else {
                co_return std::move(n).error();
            }
        }
    }
    co_return {};
}

Task<Result<void>> LinuxStream::send_copied(File& file, uint64_t position, uint64_t length) {
    struct Buffer {
        LinuxNetwork& network;
        std::unique_ptr<uint8_t[]> memory = network.take_copy_buffer();
        ~Buffer() { network.return_copy_buffer(std::move(memory)); }
    };
    const Buffer buffer{network_};
    while (length != 0) {
        const MutableByteView into{buffer.memory.get(),
                                   std::min<uint64_t>(length, LinuxNetwork::kCopyBytes)};
        Result<size_t> n = file.read_at_now(position, into);
        if (n.code() == ErrorCode::would_block) n = co_await file.read_at(position, into);
        if (!n.has_value()) co_return std::move(n).error();
        if (*n == 0) co_return fail(ErrorCode::io_error, "the file ends before the range to send");
        const ByteView part = into.first(*n);
        CO_TRY_OK(co_await write({&part, 1}));
        position += *n;
        length -= *n;
    }
    co_return {};
}

void LinuxStream::set_mark(size_t bytes) {
    const size_t mark = std::clamp<size_t>(bytes, 1, kWantMax);
    if (mark == mark_) return;
    const int value = static_cast<int>(mark);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
    // What lies above a lowered mark already may give no new edge.
    if (mark < mark_) readable_.set();
    mark_ = mark;
}

void LinuxStream::close() {
    if (!socket_) return;
    network_.loop().unwatch(socket_.get());
    socket_.reset();
    readable_.set();
    writable_.set();
}

}  // namespace millrace::runtime
