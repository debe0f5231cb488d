// One connection to one broker. Requests go out in the order of the calls, without waiting for each
// other's answers, and what is called in one turn of the loop leaves in one write. A broker answers
// in the order of the requests.
//
// Owner: shared; whoever calls keeps a reference until the answer. Loop: the one it was opened on.
// Dropping the last reference closes it. Bound: none of its own, whoever calls bounds what is in
// flight.
#pragma once

#include <deque>
#include <limits>
#include <memory>

#include "client/address.h"
#include "client/api_versions.h"
#include "client/metrics/traffic.h"
#include "client/reply.h"
#include "net/frame_reader.h"
#include "protocol/header.h"
#include "runtime/context.h"
#include "runtime/scope.h"

namespace millrace::client {

class BrokerConnection {
    struct Exchange {
        BrokerConnection& connection;
        runtime::Event done;
        std::optional<Result<SharedBytes>> answer;
        Exchange(BrokerConnection& c, int32_t correlation);
        Exchange(const Exchange&) = delete;
        ~Exchange();
    };

public:
    // One request under way: what start() gives and answer() takes. Dropping it gives the answer
    // up, not the request.
    class Sent {
    public:
        Sent(Sent&&) noexcept = default;

    private:
        friend class BrokerConnection;
        Sent(std::unique_ptr<Exchange> exchange, int16_t version)
            : exchange_(std::move(exchange)), version_(version) {}
        std::unique_ptr<Exchange> exchange_;
        int16_t version_;
    };

    // Connects and asks which versions the broker serves. Errors: connection_closed, io_error (not
    // reachable), deadline_exceeded, unsupported_version (a broker of before Kafka 2.1).
    static runtime::Task<Result<std::shared_ptr<BrokerConnection>>> open(
        runtime::Context context, net::BufferPool& pool, Address address, std::string client_id,
        TrafficMeter meter, runtime::TimePoint deadline);

    // Use open().
    BrokerConnection(runtime::Loop& loop, net::BufferPool& pool,
                     std::unique_ptr<runtime::Stream> stream, std::string client_id,
                     TrafficMeter meter);
    BrokerConnection(const BrokerConnection&) = delete;
    ~BrokerConnection();

    // The answer to a request, in the highest version that both know, not above `at_most`.
    // `request` must live until then. Errors: connection_closed; request_timed_out, after which
    // the connection is closed, as nobody knows what a late answer would belong to;
    // unsupported_version; malformed, after which it is closed. An error code inside the answer is
    // the caller's to look at.
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call(const Request& request,
                                                                  runtime::TimePoint deadline,
                                                                  int16_t at_most = INT16_MAX) {
        CO_TRY(const int16_t version,
               versions_.pick(static_cast<protocol::ApiKey>(Request::kApiKey), at_most));
        CO_TRY(auto reply, co_await call_version(request, version, deadline));
        co_return std::move(reply);
    }

    // call() in two steps: the request goes out behind those of earlier calls, now. (Tasks that are
    // spawned one after the other may start in any order.) Pays no heed to throttled_until().
    template <typename Request>
    Result<Sent> start(const Request& request, int16_t version) {
        if (closed_) return error_;
        const int32_t correlation = next_correlation_++;
        TRY(Chain frame, frame_of(request, version, correlation));
        TRY_OK(enqueue(std::move(frame)));
        return Sent{std::make_unique<Exchange>(*this, correlation), version};
    }
    template <typename Response>
    runtime::Task<Result<Reply<Response>>> answer(Sent sent, runtime::TimePoint deadline) {
        CO_TRY(SharedBytes frame, co_await answer_of(*sent.exchange_, deadline));
        Reply<Response> reply{std::move(frame), {}};
        if (auto body = read_answer<Response>(reply.frame.view, sent.version_)) {
            reply.body = *std::move(body);
        } else {
            close(body.error());
            co_return std::move(body).error();
        }
        if constexpr (requires { reply.body.throttle_time_ms; })
            throttle(reply.body.throttle_time_ms);
        co_return std::move(reply);
    }

    // A request that the broker does not answer (Produce with acks=0).
    template <typename Request>
    Result<void> send(const Request& request, int16_t version) {
        TRY(Chain frame, frame_of(request, version, next_correlation_++));
        return enqueue(std::move(frame));
    }

    const ApiVersions& versions() const { return versions_; }
    bool open() const { return !closed_; }
    // Why it is closed.
    const Error& error() const { return error_; }
    // Answers that are still to come.
    size_t in_flight() const { return awaited_.size(); }
    // The broker asked for silence until then (quotas).
    runtime::TimePoint throttled_until() const { return throttled_until_; }
    runtime::TimePoint last_used() const { return last_used_; }
    // Ends all calls with connection_closed.
    void close(Error why);

private:
    struct Awaited {
        int32_t correlation;
        Exchange* exchange;  // nullptr: the call was given up
        runtime::TimePoint sent;
    };

    template <typename Request>
    Result<Chain> frame_of(const Request& request, int16_t version, int32_t correlation) {
        protocol::RequestHeader header;
        header.correlation_id = correlation;
        header.client_id = protocol::Str::borrow(client_id_);
        return protocol::encode_request_frame(std::move(header), request, version);
    }

    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call_version(
        const Request& request, int16_t version, runtime::TimePoint deadline) {
        if (throttled_until_ > loop_.now()) co_await loop_.sleep_until(throttled_until_);
        CO_TRY(Sent sent, start(request, version));
        co_return co_await answer<typename Request::Response>(std::move(sent), deadline);
    }

    template <typename Response>
    static Result<Response> read_answer(ByteView in, int16_t version) {
        TRY(const auto header, protocol::decode_response_header(
                                   in, static_cast<protocol::ApiKey>(Response::kApiKey), version));
        (void)header;  // the correlation id has found the call
        if constexpr (std::is_same_v<Response, protocol::ApiVersionsResponse>) {
            // Which versions there are is said in the oldest one.
            const auto refused = static_cast<int16_t>(ErrorCode::unsupported_version);
            if (in.size() >= 2 && load_be<int16_t>(in.data()) == refused) version = 0;
        }
        return protocol::decode<Response>(in, version);
    }

    runtime::Task<Result<void>> negotiate(runtime::TimePoint deadline);
    Result<void> enqueue(Chain frame);
    runtime::Task<Result<SharedBytes>> answer_of(Exchange& exchange, runtime::TimePoint deadline);
    void throttle(int32_t ms);
    runtime::Task<void> write_requests();
    runtime::Task<void> read_answers();
    Result<void> take_answer(SharedBytes frame);

    runtime::Loop& loop_;
    const std::string client_id_;
    TrafficMeter meter_;
    std::unique_ptr<runtime::Stream> stream_;
    net::FrameReader reader_;
    ApiVersions versions_;
    int32_t next_correlation_ = 0;
    std::deque<Awaited> awaited_;  // in the order of the requests
    Chain unsent_;
    runtime::Event writer_wanted_;
    std::vector<ByteView> pieces_;  // of one write; kept for its room
    bool closed_ = false;
    Error error_{ErrorCode::connection_closed, {}};
    runtime::TimePoint last_used_;
    runtime::TimePoint throttled_until_{};
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
