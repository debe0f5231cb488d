// One client connection: frames in, answers out, in the order of the frames, as Kafka does it: the
// next frame is not looked at before the handler has answered the one before. What is answered
// while the client keeps sending goes out in one write.
//
// Owner: the Server that accepted it (server.h), which waits for run() to end. Loop: the one it was
// accepted on. Bound: at most one request is in work, and no frame is read while `kUnsentBytesMax`
// of answers wait for a client that does not read, so a connection holds one request and little
// more than one answer; the large requests of all connections together are bounded by the pool's
// budget (request_budget.h).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/chain.h"
#include "net/buffer_pool.h"
#include "net/frame_reader.h"
#include "runtime/event.h"
#include "runtime/loop.h"
#include "runtime/network.h"

namespace millrace::net {

// What a connection does with its frames; one for each connection, so that it can keep what belongs
// to the peer.
class FrameHandler {
public:
    virtual ~FrameHandler() = default;
    // The answer as it goes out, its size in front; an empty chain sends nothing. An error closes
    // the connection, after what was answered before has been sent; its message says why, for the
    // log.
    virtual runtime::Task<Result<Chain>> handle(SharedBytes frame) = 0;
};

struct ConnectionLimits {
    size_t frame_bytes_max = 100u << 20;           // socket.request.max.bytes
    Duration idle_max = std::chrono::minutes(10);  // connections.max.idle.ms
    // How long a large request may take to arrive while others wait for the memory that it holds.
    Duration arrival_max = std::chrono::seconds(10);
};

class Connection {
public:
    Connection(runtime::Loop& loop, std::unique_ptr<runtime::Stream> stream, BufferPool& pool,
               const ConnectionLimits& limits, std::unique_ptr<FrameHandler> handler);

    // Until the peer has gone or close() was called: success; or until a frame was refused: why.
    runtime::Task<Result<void>> run();
    void close() { stream_->close(); }
    const std::string& peer() const { return stream_->peer(); }
    // When the peer last sent something.
    runtime::TimePoint last_active() const { return last_active_; }
    // See FrameReader.
    runtime::TimePoint holds_memory_since() const { return reader_.holds_memory_since(); }

private:
    runtime::Task<Result<void>> read_frames();
    runtime::Task<void> write_answers();
    runtime::Task<Result<void>> send(Chain& chain);

    runtime::Loop& loop_;
    std::unique_ptr<runtime::Stream> stream_;
    FrameReader reader_;
    std::unique_ptr<FrameHandler> handler_;
    Chain unsent_;
    std::vector<ByteView> pieces_;  // of one write; kept for its room
    bool closing_ = false;
    runtime::Event writer_wanted_;  // there is something in unsent_, or closing_
    runtime::Event drained_;        // unsent_ went out, or never will
    runtime::TimePoint last_active_;
};

}  // namespace millrace::net
