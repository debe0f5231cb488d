// TCP on a LinuxLoop. Reads and writes try the system call first and wait only when it would block;
// a descriptor is registered with epoll once. All of it belongs to the loop it was made on; streams
// and listeners must die before it and before their LinuxNetwork, and never while a read, write or
// accept of theirs is under way.
#pragma once

#include "runtime/blocking_pool.h"
#include "runtime/linux_loop.h"
#include "runtime/network.h"

namespace millrace::runtime {

class LinuxNetwork final : public Network {
public:
    struct Options {
        // Several loops may listen on the same port, and the kernel spreads connections among them.
        bool shared_port = false;
        int backlog = 1024;
        // Of every accepted connection (SO_SNDBUF, SO_RCVBUF); -1: the kernel sizes them by need.
        int send_buffer_bytes = -1;
        int receive_buffer_bytes = -1;
    };
    // `pool` looks up names.
    LinuxNetwork(LinuxLoop& loop, BlockingPool& pool) : LinuxNetwork(loop, pool, Options{}) {}
    LinuxNetwork(LinuxLoop& loop, BlockingPool& pool, Options options)
        : loop_(loop), pool_(pool), options_(options) {}

    // An empty host is all addresses of this machine. A name is looked up on the caller's thread.
    Result<std::unique_ptr<Listener>> listen(const std::string& host, uint16_t port) override;
    Task<Result<std::unique_ptr<Stream>>> connect(std::string host, uint16_t port) override;

    // Memory for copying a file to a socket, kept for the next use.
    static constexpr size_t kCopyBytes = 256 * 1024;
    std::unique_ptr<uint8_t[]> take_copy_buffer();
    void return_copy_buffer(std::unique_ptr<uint8_t[]> buffer);
    LinuxLoop& loop() { return loop_; }
    BlockingPool& pool() { return pool_; }

private:
    LinuxLoop& loop_;
    BlockingPool& pool_;
    const Options options_;
    std::vector<std::unique_ptr<uint8_t[]>> copy_buffers_;
};

}  // namespace millrace::runtime
