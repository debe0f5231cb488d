#include "net/http_server.h"

#include <fmt/format.h>

#include "base/log.h"

namespace millrace::net {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 431:
            return "Request Header Fields Too Large";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Other";
    }
}

HttpPage refusal(int status) {
    return {.status = status, .body = fmt::format("{}\n", reason(status))};
}

// What answers a head that was not read, 0 for nothing: the peer is gone.
int status_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::message_too_large:
            return 431;
        case ErrorCode::deadline_exceeded:
            return 408;
        case ErrorCode::unsupported_version:
            return 505;
        case ErrorCode::invalid_request:
            return 400;
        default:
            return 0;
    }
}

}  // namespace

HttpServer::HttpServer(runtime::Loop& loop, Limits limits)
    : loop_(loop), limits_(limits), scope_(loop) {}

HttpServer::~HttpServer() = default;

void HttpServer::route(std::string path, Page page) {
    const bool added = pages_.emplace(std::move(path), std::move(page)).second;
    INVARIANT(added);
}

Result<void> HttpServer::listen(runtime::Network& network, const std::string& host, uint16_t port) {
    TRY(listener_, network.listen(host, port));
    return {};
}

runtime::Task<void> HttpServer::run() {
    constexpr Duration kPauseAfterError = std::chrono::milliseconds(100);
    while (!stopped_.is_set()) {
        auto stream = co_await listener_->accept();
        if (!stream) {
            if (stream.code() == ErrorCode::cancelled) break;
            // Out of descriptors, most likely: others must end first.
            co_await stopped_.wait_until(loop_, loop_.now() + kPauseAfterError);
            continue;
        }
        if (streams_.size() >= limits_.connections_max) {
            LOG_DEBUG("net", "http: refusing {}: {} connections are open", (*stream)->peer(),
                      streams_.size());
            continue;
        }
        scope_.spawn(serve(streams_.insert(streams_.end(), *std::move(stream))));
    }
    for (const auto& stream : streams_) stream->close();
    co_await scope_.join();
}

void HttpServer::stop() {
    stopped_.set();
    listener_->close();
}

runtime::Task<void> HttpServer::serve(Streams::iterator at) {
    co_await serve_requests(**at);
    (*at)->close();
    streams_.erase(at);
}

runtime::Task<void> HttpServer::serve_requests(runtime::Stream& stream) {
    std::string received;
    for (bool keep_alive = true; keep_alive;) {
        const auto text = co_await next_head(stream, received);
        auto head = text ? parse_http_head(*text) : Result<HttpHead>(text.error());
        if (!head) {
            const int status = status_of(head.error());
            if (status == 0) co_return;
            const HttpPage page = refusal(status);
            (void)co_await answer(stream, page, true, false);
            co_return;
        }
        const bool is_head = head->method == "HEAD";
        keep_alive = head->keep_alive && !stopped_.is_set();
        HttpPage page;
        if (head->method != "GET" && !is_head) {
            page = refusal(405);
            keep_alive = false;
        } else if (head->has_body) {
            page = refusal(413);
            keep_alive = false;
        } else {
            page = co_await page_for(*head);
        }
        const auto written = co_await answer(stream, page, !is_head, keep_alive);
        if (!written) co_return;
    }
}

// The next head, with its empty line; what came after it stays in `received`.
// Errors: connection_closed, message_too_large, deadline_exceeded (in the middle of a head).
runtime::Task<Result<std::string>> HttpServer::next_head(runtime::Stream& stream,
                                                         std::string& received) {
    if (received.empty()) {
        // Waiting for a client to want something is no error of its own: nothing is said when it
        // wants no more.
        std::string first(1024, 0);
        const MutableByteView into{reinterpret_cast<uint8_t*>(first.data()),
                                   std::min(first.size(), limits_.head_bytes_max)};
        const auto n = co_await runtime::with_deadline(loop_, loop_.now() + limits_.idle_max,
                                                       stream.read(into));
        if (!n || *n == 0) co_return fail(ErrorCode::connection_closed);
        received.assign(first, 0, *n);
    }
    CO_TRY_OK(co_await runtime::with_deadline(loop_, loop_.now() + limits_.request_max,
                                              read_head(stream, received)));
    const size_t size = received.find(kHeadEnd) + kHeadEnd.size();
    std::string head = received.substr(0, size);
    received.erase(0, size);
    co_return head;
}

// Until `received` has a whole head.
runtime::Task<Result<void>> HttpServer::read_head(runtime::Stream& stream, std::string& received) {
    size_t searched = 0;
    for (;;) {
        const size_t end = received.find(kHeadEnd, searched);
        if (end != std::string::npos && end + kHeadEnd.size() <= limits_.head_bytes_max)
            co_return {};
        if (received.size() >= limits_.head_bytes_max) co_return fail(ErrorCode::message_too_large);
        const size_t before = received.size();
        searched = before < kHeadEnd.size() ? 0 : before - kHeadEnd.size() + 1;
        received.resize(limits_.head_bytes_max);
        const auto n = co_await stream.read(
            {reinterpret_cast<uint8_t*>(received.data()) + before, received.size() - before});
        received.resize(before + (n ? *n : 0));
        if (!n) co_return n.error();
        if (*n == 0) co_return fail(ErrorCode::connection_closed);
    }
}

runtime::Task<HttpPage> HttpServer::page_for(const HttpHead& head) {
    const auto at = pages_.find(head.path);
    if (at == pages_.end()) co_return refusal(404);
    co_return co_await at->second(head);
}

runtime::Task<Result<void>> HttpServer::answer(runtime::Stream& stream, const HttpPage& page,
                                               bool with_body, bool keep_alive) {
    const std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: "
        "no-store\r\n{}Connection: {}\r\n\r\n",
        page.status, reason(page.status), page.content_type, page.body.size(),
        page.status == 405 ? "Allow: GET, HEAD\r\n" : "", keep_alive ? "keep-alive" : "close");
    const ByteView parts[] = {as_bytes(head), with_body ? as_bytes(page.body) : ByteView{}};
    const std::span<const ByteView> written{
        parts, with_body && !page.body.empty() ? size_t{2} : size_t{1}};
    co_return co_await runtime::with_deadline(loop_, loop_.now() + limits_.request_max,
                                              stream.write(written));
}

}  // namespace millrace::net
