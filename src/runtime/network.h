// Byte streams between hosts: TCP (linux_network.h), or the simulated network (sim/sim_network.h).
//
// A stream belongs to the loop it was accepted or connected on. At most one read and one write may
// be under way at a time; they may overlap. close() ends both with `cancelled`; the other side sees
// the end of the stream.
// Errors: connection_closed (the other side is gone), cancelled, deadline_exceeded, io_error.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::runtime {

class Stream {
public:
    virtual ~Stream() = default;

    // At least one byte; 0 at the end of the stream.
    virtual Task<Result<size_t>> read(MutableByteView into) = 0;
    // As read(), but would_block instead of waiting.
    virtual Result<size_t> read_now(MutableByteView into) = 0;
    // Until read_now() would give bytes, the end of the stream or an error. For who takes memory to
    // read into only when there is something to read.
    virtual Task<void> readable() = 0;
    // All parts, in order. The bytes must live until it returns.
    virtual Task<Result<void>> write(std::span<const ByteView> parts) = 0;
    // `length` bytes of the file from `position`, without passing through this process where the
    // system can.
    virtual Task<Result<void>> send_file(File& file, uint64_t position, uint64_t length) = 0;
    // A hint: the next wait would like at least this many bytes before it ends (SO_RCVLOWAT). 1
    // turns it off.
    virtual void want(size_t bytes) = 0;
    virtual void close() = 0;
    // "127.0.0.1:54321"
    virtual const std::string& peer() const = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
    virtual void close() = 0;
    virtual uint16_t port() const = 0;
};

class Network {
public:
    virtual ~Network() = default;
    // Port 0 picks a free one. already_exists when the port is taken.
    virtual Result<std::unique_ptr<Listener>> listen(const std::string& host, uint16_t port) = 0;
    virtual Task<Result<std::unique_ptr<Stream>>> connect(std::string host, uint16_t port) = 0;
};

}  // namespace millrace::runtime
