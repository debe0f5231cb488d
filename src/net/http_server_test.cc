#include "net/http_server.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/test_wait.h"

using namespace millrace;
using namespace millrace::net;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

std::string shown(std::string_view text) {
    const auto head = parse_http_head(text);
    if (!head) return std::string(error_name(head.code()));
    return head->method + " " + head->path + (head->keep_alive ? " keep" : " close") +
           (head->has_body ? " body" : "");
}

struct Host {
    LinuxLoop loop;
    BlockingPool pool{1};
    LinuxNetwork network{loop, pool};
    HttpServer http;
    Scope scope{loop};

    explicit Host(HttpServer::Limits limits = {}) : http(loop, limits) {
        http.route("/health",
                   [](HttpHead) -> Task<HttpPage> { co_return HttpPage{.body = "ok\n"}; });
        http.route("/big", [](HttpHead) -> Task<HttpPage> {
            co_return HttpPage{.body = std::string(300'000, 'x')};
        });
    }
    void start() {
        REQUIRE(http.listen(network, "127.0.0.1", 0).has_value());
        scope.spawn(http.run());
    }
};

Task<std::string> read_all(Stream& stream) {
    std::string all;
    for (;;) {
        uint8_t buffer[4096];
        const auto n = co_await stream.read(buffer);
        if (!n || *n == 0) co_return all;
        all.append(reinterpret_cast<const char*>(buffer), *n);
    }
}

// What the server says to `parts`, written one after the other, until it closes.
Task<std::string> exchange(Host& host, std::vector<std::string> parts) {
    auto stream = *co_await host.network.connect("127.0.0.1", host.http.port());
    for (const std::string& part : parts) {
        const ByteView view = as_bytes(part);
        const auto written = co_await stream->write({&view, 1});
        if (!written) break;
        co_await host.loop.yield();
    }
    co_return co_await read_all(*stream);
}

Task<void> stop(Host& host) {
    host.http.stop();
    co_await host.scope.join();
}

std::string answer(std::string_view status, std::string_view body, bool keep_alive = false,
                   std::string_view extra = "") {
    return fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
        "{}\r\nCache-Control: no-store\r\n{}Connection: {}\r\n"
        "\r\n{}",
        status, body.size(), extra, keep_alive ? "keep-alive" : "close", body);
}

}  // namespace

TEST_CASE("a request's head is read strictly") {
    struct Case {
        const char *text, *expected;
    };
    const Case cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / keep"},
        {"GET /metrics?a=b HTTP/1.1\r\nhOST:x\r\nConnection: close\r\n\r\n", "GET /metrics close"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / close"},
        {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "GET / keep"},
        {"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "POST /x keep body"},
        {"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "GET /x keep"},
        {"GET /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /x keep body"},
        {"GET / HTTP/1.1\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "UNSUPPORTED_VERSION"},
        {"GET / SMTP\r\nHost: x\r\n\r\n", "INVALID_REQUEST"},
        {"GET  HTTP/1.1\r\nHost: x\r\n\r\n", "INVALID_REQUEST"},
        {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", "INVALID_REQUEST"},
        {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "INVALID_REQUEST"},
        {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\nHost: x\n\n", "INVALID_REQUEST"},
        {"GET / HTTP/1.1\r\nHost: x\r\n", "INVALID_REQUEST"},
        {"\r\n\r\n", "INVALID_REQUEST"},
        {"", "INVALID_REQUEST"},
    };
    for (const Case& c : cases) CHECK_MESSAGE(shown(c.text) == c.expected, c.text);
}

TEST_CASE("no head makes the reader fall over") {
    Rng rng{9};
    const std::string whole =
        "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: */*\r\n\r\n";
    for (int i = 0; i < 20'000; ++i) {
        std::string text = whole;
        for (uint64_t n = rng.next() % 4; n > 0; --n)
            text[rng.next() % text.size()] = static_cast<char>(rng.next());
        if (rng.next() % 2) text.resize(rng.next() % (text.size() + 1));
        (void)parse_http_head(text);
    }
}

TEST_CASE("pages, refusals and requests in pieces") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        h.start();
        const std::string get = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        CHECK(co_await exchange(h, {get}) == answer("200 OK", "ok\n"));
        std::vector<std::string> bytes;
        for (const char c : get) bytes.emplace_back(1, c);
        CHECK(co_await exchange(h, bytes) == answer("200 OK", "ok\n"));
        CHECK(co_await exchange(h, {"GET /no HTTP/1.0\r\n\r\n"}) ==
              answer("404 Not Found", "Not Found\n"));
        CHECK(co_await exchange(h, {"PUT /health HTTP/1.1\r\nHost: x\r\n\r\n"}) ==
              answer("405 Method Not Allowed", "Method Not Allowed\n", false,
                     "Allow: GET, HEAD\r\n"));
        CHECK(co_await exchange(
                  h, {"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"}) ==
              answer("413 Content Too Large", "Content Too Large\n"));
        CHECK(co_await exchange(h, {"nonsense\r\n\r\n"}) ==
              answer("400 Bad Request", "Bad Request\n"));
        CHECK(co_await exchange(h, {"GET / HTTP/3.0\r\n\r\n"}) ==
              answer("505 HTTP Version Not Supported", "HTTP Version Not Supported\n"));
        const std::string head = co_await exchange(h, {"HEAD /health HTTP/1.0\r\n\r\n"});
        CHECK(head == answer("200 OK", "ok\n").substr(0, head.size()));
        CHECK(head.ends_with("\r\n\r\n"));
        // Kept alive and pipelined: two answers, in order.
        CHECK(co_await exchange(h, {"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + get}) ==
              answer("200 OK", "ok\n", true) + answer("200 OK", "ok\n"));
        const std::string big = co_await exchange(h, {"GET /big HTTP/1.0\r\n\r\n"});
        CHECK(big == answer("200 OK", std::string(300'000, 'x')));
        co_await stop(h);
    }(host));
}

TEST_CASE("a peer that sends too much, too slowly, or comes in numbers is bounded") {
    Host host({.head_bytes_max = 256, .connections_max = 2, .idle_max = 50ms, .request_max = 50ms});
    host.loop.run([](Host& h) -> Task<void> {
        h.start();
        const std::string tail(300, 'x');
        CHECK((co_await exchange(h, {"GET /health HTTP/1.1\r\nX: " + tail}))
                  .starts_with("HTTP/1.1 431 "));
        CHECK(co_await exchange(h, {"GET /hea"}) ==
              answer("408 Request Timeout", "Request Timeout\n"));
        CHECK(co_await exchange(h, {}) == "");
        // The third is closed at once, and there is room again when one has gone.
        auto first = *co_await h.network.connect("127.0.0.1", h.http.port());
        auto second = *co_await h.network.connect("127.0.0.1", h.http.port());
        const TimePoint before = h.loop.now();
        CHECK(co_await exchange(h, {}) == "");
        CHECK(h.loop.now() - before < 40ms);
        first->close();
        second->close();
        CHECK(co_await runtime::eventually(h.loop, [&]() -> Task<bool> {
            const std::string page = co_await exchange(h, {"GET /health HTTP/1.0\r\n\r\n"});
            co_return page == answer("200 OK", "ok\n");
        }));
        co_await stop(h);
    }(host));
}

TEST_CASE("stop ends connections that wait for a request") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        h.start();
        auto idle = *co_await h.network.connect("127.0.0.1", h.http.port());
        // Connections are accepted in their order: when a later one has its answer, this one waits.
        CHECK(co_await exchange(h, {"GET /health HTTP/1.0\r\n\r\n"}) == answer("200 OK", "ok\n"));
        co_await stop(h);
        CHECK(co_await read_all(*idle) == "");
    }(host));
}
