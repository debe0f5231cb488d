#include "net/connection.h"

#include "runtime/scope.h"

namespace millrace::net {
namespace {

constexpr uint64_t kUnsentBytesMax = 1u << 20;

}  // namespace

Connection::Connection(runtime::Loop& loop, std::unique_ptr<runtime::Stream> stream,
                       BufferPool& pool, const ConnectionLimits& limits,
                       std::unique_ptr<FrameHandler> handler)
    : loop_(loop),
      stream_(std::move(stream)),
      reader_(*stream_, pool, limits.frame_bytes_max),
      handler_(std::move(handler)),
      last_active_(loop.now()) {}

runtime::Task<Result<void>> Connection::run() {
    runtime::Scope scope{loop_};
    scope.spawn(write_answers());
    auto ended = co_await read_frames();
    closing_ = true;
    writer_wanted_.set();
    co_await scope.join();
    stream_->close();
    if (ended.code() == ErrorCode::connection_closed || ended.code() == ErrorCode::cancelled)
        co_return {};
    co_return ended;
}

runtime::Task<Result<void>> Connection::read_frames() {
    for (;;) {
        CO_TRY(auto frame, reader_.buffered());
        if (!frame) {
            CO_TRY(const bool more, co_await reader_.fill());
            if (!more) co_return {};
            last_active_ = loop_.now();
            continue;
        }
        CO_TRY(Chain answer, co_await handler_->handle(std::move(*frame)));
        if (answer.empty()) continue;
        unsent_.append(std::move(answer));
        writer_wanted_.set();
        while (unsent_.size() > kUnsentBytesMax && !closing_) {
            drained_.reset();
            co_await drained_.wait();
        }
        if (closing_) co_return fail(ErrorCode::connection_closed);
    }
}

runtime::Task<void> Connection::write_answers() {
    for (;;) {
        if (unsent_.empty()) {
            // Asked again after each write: both may have happened while the last one was under
            // way.
            if (closing_) break;
            writer_wanted_.reset();
            co_await writer_wanted_.wait();
            continue;
        }
        Chain out = std::exchange(unsent_, {});
        const auto sent = co_await send(out);
        drained_.set();
        if (!sent) {
            closing_ = true;
            stream_->close();  // ends the read that may be waiting
            break;
        }
    }
    drained_.set();
}

runtime::Task<Result<void>> Connection::send(Chain& chain) {
    pieces_.clear();
    for (const ChainPart& part : chain.parts()) {
        if (!part.file) {
            pieces_.push_back(part.bytes);
            continue;
        }
        if (!pieces_.empty()) CO_TRY_OK(co_await stream_->write(pieces_));
        pieces_.clear();
        CO_TRY_OK(co_await stream_->send_file(*static_cast<runtime::File*>(part.file.get()),
                                              part.position, part.length));
    }
    if (!pieces_.empty()) CO_TRY_OK(co_await stream_->write(pieces_));
    co_return {};
}

}  // namespace millrace::net
