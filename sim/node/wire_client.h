// A client of the simulator's tests: one connection, one request at a time, in Kafka's protocol.
#pragma once

#include "protocol/header.h"
#include "runtime/context.h"
#include "runtime/scope.h"

namespace millrace::sim {

class WireClient {
public:
    explicit WireClient(std::unique_ptr<runtime::Stream> stream) : stream_(std::move(stream)) {}

    static runtime::Task<Result<std::unique_ptr<WireClient>>> connect(runtime::Context& context,
                                                                      std::string host,
                                                                      uint16_t port) {
        CO_TRY(auto stream, co_await context.network.connect(std::move(host), port));
        co_return std::make_unique<WireClient>(std::move(stream));
    }

    // A response and the bytes that it borrows from.
    template <typename Request>
    struct Reply {
        std::vector<uint8_t> bytes;
        typename Request::Response body;
    };

    // deadline_exceeded when no answer came in `patience`; the connection is of no use then. (A
    // server that lost power says nothing, not even that.)
    template <typename Request>
    runtime::Task<Result<Reply<Request>>> call(const Request& request, int16_t version,
                                               Duration patience = std::chrono::milliseconds{500}) {
        runtime::Loop& loop = runtime::Loop::current();
        co_return co_await runtime::with_deadline(loop, loop.now() + patience,
                                                  exchange(request, version));
    }

private:
    static constexpr int32_t kReplyBytesMax = 64 << 20;

    template <typename Request>
    runtime::Task<Result<Reply<Request>>> exchange(const Request& request, int16_t version) {
        protocol::RequestHeader header;
        header.correlation_id = ++correlation_;
        header.client_id = protocol::Str::borrow("sim");
        CO_TRY(const Chain frame,
               protocol::encode_request_frame(std::move(header), request, version));
        std::vector<ByteView> parts;
        for (const ChainPart& part : frame.parts()) parts.push_back(part.bytes);
        CO_TRY_OK(co_await stream_->write(parts));

        uint8_t size_bytes[4];
        CO_TRY_OK(co_await read_exactly(size_bytes));
        const auto size = load_be<int32_t>(size_bytes);
        if (size < 4 || size > kReplyBytesMax) co_return fail(ErrorCode::malformed, "reply size");
        Reply<Request> reply;
        reply.bytes.resize(static_cast<size_t>(size));
        CO_TRY_OK(co_await read_exactly(reply.bytes));
        ByteView in = reply.bytes;
        CO_TRY(const auto reply_header,
               protocol::decode_response_header(in, static_cast<protocol::ApiKey>(Request::kApiKey),
                                                version));
        if (reply_header.correlation_id != correlation_)
            co_return fail(ErrorCode::malformed, "an answer to another request");
        CO_TRY(reply.body, protocol::decode<typename Request::Response>(in, version));
        co_return std::move(reply);
    }

    runtime::Task<Result<void>> read_exactly(MutableByteView into) {
        while (!into.empty()) {
            CO_TRY(const size_t n, co_await stream_->read(into));
            if (n == 0) co_return fail(ErrorCode::connection_closed);
            into = into.subspan(n);
        }
        co_return {};
    }

    std::unique_ptr<runtime::Stream> stream_;
    int32_t correlation_ = 0;
};

}  // namespace millrace::sim
