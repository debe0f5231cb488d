// A TCP connection; only for linux_network.cc.
#pragma once

#include "runtime/linux_disk.h"
#include "runtime/linux_network.h"

namespace millrace::runtime {

class LinuxStream final : public Stream, Watch {
public:
    LinuxStream(LinuxNetwork& network, FileDescriptor socket, std::string peer);
    ~LinuxStream() { close(); }

    // Registers with the loop; to be called once, before anything else.
    Result<void> start();
    // After a connect() that is under way: waits for its end.
    Task<Result<void>> finish_connect();

    Task<Result<size_t>> read(MutableByteView into) override;
    Result<size_t> read_now(MutableByteView into) override;
    Task<void> readable() override;
    Task<Result<void>> write(std::span<const ByteView> parts) override;
    Task<Result<void>> send_file(File& file, uint64_t position, uint64_t length) override;
    void want(size_t bytes) override { wanted_ = bytes; }
    void close() override;
    const std::string& peer() const override { return peer_; }

private:
    // Before a wait for `bytes` of them.
    void set_mark(size_t bytes);
    void on_events(uint32_t events) override;
    // Writes on from `skip` bytes into the first part, stepping both; would_block when the socket
    // is full, success when nothing is left.
    Result<void> write_now(std::span<const ByteView>& parts, size_t& skip);
    // At least one byte, at most `length`; would_block when the socket is full.
    Result<size_t> sendfile_now(int file, uint64_t position, uint64_t length);
    Task<Result<void>> send_mapped(LinuxFile& file, uint64_t position, uint64_t length);
    Task<Result<void>> send_copied(File& file, uint64_t position, uint64_t length);

    LinuxNetwork& network_;
    FileDescriptor socket_;
    Readiness readable_;
    Readiness writable_;
    bool peer_ended_ = false;
    size_t wanted_ = 1;
    size_t mark_ = 1;  // what the kernel knows of wanted_
    std::string peer_;
};

}  // namespace millrace::runtime
