#include "client/broker_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "client/metrics/app_info.h"

namespace millrace::client {
namespace {

constexpr std::string_view kSoftwareName = "millrace";
// As Kafka's clients: the broker is trusted with the size of its answers. Memory is taken as they
// arrive.
constexpr size_t kAnswerBytesMax = std::numeric_limits<int32_t>::max();

}  // namespace

BrokerConnection::BrokerConnection(runtime::Loop& loop, net::BufferPool& pool,
                                   std::unique_ptr<runtime::Stream> stream, std::string client_id,
                                   TrafficMeter meter)
    : loop_(loop),
      client_id_(std::move(client_id)),
      meter_(std::move(meter)),
      stream_(std::move(stream)),
      reader_(*stream_, pool, kAnswerBytesMax),
      last_used_(loop.now()),
      tasks_(loop) {
    meter_.opened(loop.now());
    tasks_.spawn(write_requests());
    tasks_.spawn(read_answers());
}

runtime::Task<Result<std::shared_ptr<BrokerConnection>>> BrokerConnection::open(
    runtime::Context context, net::BufferPool& pool, Address address, std::string client_id,
    TrafficMeter meter, runtime::TimePoint deadline) {
    CO_TRY(auto stream,
           co_await runtime::with_deadline(context.loop, deadline,
                                           context.network.connect(address.host, address.port)));
    auto connection = std::make_shared<BrokerConnection>(context.loop, pool, std::move(stream),
                                                         std::move(client_id), std::move(meter));
    CO_TRY_OK(co_await connection->negotiate(deadline));
    co_return std::move(connection);
}

BrokerConnection::~BrokerConnection() {
    meter_.forget_unsent();
    if (!closed_) meter_.closed(loop_.now());
}

// A broker that does not know our newest version says which it knows, in the oldest format.
runtime::Task<Result<void>> BrokerConnection::negotiate(runtime::TimePoint deadline) {
    protocol::ApiVersionsRequest request;
    request.client_software_name = protocol::Str::borrow(kSoftwareName);
    request.client_software_version = protocol::Str::borrow(client_version());
    int16_t version = protocol::ApiVersionsRequest::kVersionMax;
    for (int attempts = 0; attempts < 2; ++attempts) {
        CO_TRY(const auto reply, co_await call_version(request, version, deadline));
        const auto code = static_cast<ErrorCode>(reply->error_code);
        versions_ = ApiVersions(reply.body);
        if (code == ErrorCode::none) co_return {};
        if (code != ErrorCode::unsupported_version) co_return fail(code);
        CO_TRY(version, versions_.pick(protocol::ApiKey::api_versions));
    }
    co_return fail(ErrorCode::unsupported_version, "the broker refuses the version that it named");
}

BrokerConnection::Exchange::Exchange(BrokerConnection& c, int32_t correlation) : connection(c) {
    connection.awaited_.push_back({correlation, this, connection.loop_.now()});
}

BrokerConnection::Exchange::~Exchange() {
    if (answer) return;
    const auto entry = std::ranges::find(connection.awaited_, this, &Awaited::exchange);
    if (entry != connection.awaited_.end()) entry->exchange = nullptr;
}

Result<void> BrokerConnection::enqueue(Chain frame) {
    if (closed_) return error_;
    last_used_ = loop_.now();
    meter_.sent(last_used_, frame.size());
    meter_.queued(last_used_);
    unsent_.append(std::move(frame));
    writer_wanted_.set();
    return {};
}

runtime::Task<Result<SharedBytes>> BrokerConnection::answer_of(Exchange& exchange,
                                                               runtime::TimePoint deadline) {
    co_await exchange.done.wait_until(loop_, deadline);
    if (!exchange.answer) {
        close(fail(ErrorCode::request_timed_out,
                   fmt::format("{} did not answer in time", stream_->peer())));
        co_return fail(ErrorCode::request_timed_out, error_.message);
    }
    co_return *std::move(exchange.answer);
}

void BrokerConnection::throttle(int32_t ms) {
    if (ms > 0) throttled_until_ = loop_.now() + std::chrono::milliseconds(ms);
}

runtime::Task<void> BrokerConnection::write_requests() {
    for (;;) {
        while (unsent_.empty() && !closed_) {
            writer_wanted_.reset();
            co_await writer_wanted_.wait();
        }
        if (closed_) co_return;
        const Chain out = std::exchange(unsent_, {});
        meter_.written(loop_.now());
        pieces_.clear();
        for (const ChainPart& part : out.parts()) pieces_.push_back(part.bytes);
        if (const auto sent = co_await stream_->write(pieces_); !sent) {
            close(sent.error());
            co_return;
        }
    }
}

runtime::Task<void> BrokerConnection::read_answers() {
    for (;;) {
        auto frame = reader_.buffered();
        if (!frame) {
            close(std::move(frame).error());
            co_return;
        }
        if (*frame) {
            if (const auto taken = take_answer(**std::move(frame)); !taken) {
                close(taken.error());
                co_return;
            }
            continue;
        }
        const auto more = co_await reader_.fill();
        if (!more || !*more) {
            close(more ? fail(ErrorCode::connection_closed,
                              fmt::format("{} closed the connection", stream_->peer()))
                       : more.error());
            co_return;
        }
    }
}

Result<void> BrokerConnection::take_answer(SharedBytes frame) {
    if (frame.size() < 4) return fail(ErrorCode::malformed, "an answer of fewer than 4 bytes");
    const auto correlation = load_be<int32_t>(frame.view.data());
    if (awaited_.empty() || awaited_.front().correlation != correlation)
        return fail(ErrorCode::malformed,
                    fmt::format("{} answered request {}, which is not the next", stream_->peer(),
                                correlation));
    Exchange* exchange = awaited_.front().exchange;
    last_used_ = loop_.now();
    meter_.received(last_used_, frame.size() + sizeof(int32_t), last_used_ - awaited_.front().sent);
    awaited_.pop_front();
    if (exchange == nullptr) return {};
    exchange->answer.emplace(std::move(frame));
    exchange->done.set();
    return {};
}

void BrokerConnection::close(Error why) {
    if (std::exchange(closed_, true)) return;
    meter_.closed(loop_.now());
    error_ = fail(ErrorCode::connection_closed, std::move(why.message));
    unsent_ = {};
    meter_.forget_unsent();
    stream_->close();
    writer_wanted_.set();
    for (const Awaited& awaited : std::exchange(awaited_, {})) {
        if (awaited.exchange == nullptr) continue;
        awaited.exchange->answer.emplace(error_);
        awaited.exchange->done.set();
    }
}

}  // namespace millrace::client
