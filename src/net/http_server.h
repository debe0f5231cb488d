// A small HTTP/1.1 server for read-only pages: metrics, health. GET and HEAD only, no bodies, no
// TLS.
//
//   HttpServer http(loop, {});
//   http.route("/health", [](HttpHead) -> Task<HttpPage> { co_return HttpPage{.body = "ok\n"}; });
//   TRY_OK(http.listen(network, "127.0.0.1", 9404));
//   scope.spawn(http.run());
//
// Owner: the node. Loop: one, for everything, the pages too.
// Bounds: Limits; a peer that is over one of them gets the HTTP error, or is closed.
// A page may be any callable; it is kept until the server dies, so that a capturing lambda may be a
// coroutine.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "net/http_head.h"
#include "runtime/event.h"
#include "runtime/network.h"
#include "runtime/scope.h"
#include "runtime/task_function.h"

namespace millrace::net {

struct HttpPage {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

class HttpServer {
public:
    struct Limits {
        size_t head_bytes_max = 8192;
        size_t connections_max = 32;
        Duration idle_max = std::chrono::seconds(60);  // between requests
        Duration request_max = std::chrono::seconds(
            10);  // from a request's first byte to its last, and for writing the answer
    };
    using Page = runtime::TaskFunction<runtime::Task<HttpPage>(HttpHead)>;

    HttpServer(runtime::Loop& loop, Limits limits);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;

    // Before run(). INVARIANT: each path once.
    void route(std::string path, Page page);
    // already_exists when the port is taken; port 0 picks a free one.
    Result<void> listen(runtime::Network& network, const std::string& host, uint16_t port);
    uint16_t port() const { return listener_->port(); }
    // Serves until stop(); then closes what is open and waits for it.
    runtime::Task<void> run();
    void stop();

private:
    using Streams = std::list<std::unique_ptr<runtime::Stream>>;
    runtime::Task<void> serve(Streams::iterator at);
    runtime::Task<void> serve_requests(runtime::Stream& stream);
    runtime::Task<Result<std::string>> next_head(runtime::Stream& stream, std::string& received);
    runtime::Task<Result<void>> read_head(runtime::Stream& stream, std::string& received);
    runtime::Task<HttpPage> page_for(const HttpHead& head);
    runtime::Task<Result<void>> answer(runtime::Stream& stream, const HttpPage& page,
                                       bool with_body, bool keep_alive);

    runtime::Loop& loop_;
    const Limits limits_;
    std::map<std::string, Page, std::less<>> pages_;
    std::unique_ptr<runtime::Listener> listener_;
    Streams streams_;
    runtime::Scope scope_;
    runtime::Event stopped_;
};

}  // namespace millrace::net
