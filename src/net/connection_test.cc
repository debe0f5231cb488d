#include "net/connection.h"

#include <doctest/doctest.h>

#include "net/server.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/test_wait.h"

using namespace millrace;
using namespace millrace::net;
using runtime::Task;
using namespace std::chrono_literals;

namespace {

// Answers a frame with itself, an empty one for "quiet", an error for "bad"; "wait" waits for `go`.
class Echo : public FrameHandler {
public:
    explicit Echo(runtime::Event& go) : go_(go) {}
    Task<Result<Chain>> handle(SharedBytes frame) override {
        const auto text = as_text(frame.view);
        if (text == "bad") co_return fail(ErrorCode::malformed, "as asked");
        if (text == "quiet") co_return Chain{};
        if (text == "wait") co_await go_.wait();
        std::vector<uint8_t> size(4);
        store_be<int32_t>(size.data(), static_cast<int32_t>(text.size()));
        Chain answer{SharedBytes::own(std::move(size))};
        answer.append(frame);
        co_return answer;
    }

private:
    runtime::Event& go_;
};

struct Fixture {
    runtime::LinuxLoop loop;
    runtime::BlockingPool pool{1};
    runtime::LinuxNetwork network{loop, pool};
    BufferPool buffers{{.request_bytes_max = 100'000}};
    runtime::Event go;
    ConnectionLimits limits{.frame_bytes_max = 200'000, .arrival_max = 50ms};
    Server server{loop, buffers, limits, 3,
                  [this](const std::string&) { return std::make_unique<Echo>(go); }};

    template <typename Body>
    void run(Body body) {
        REQUIRE(server.listen(network, "127.0.0.1", 0));
        loop.run(play(*this, body));
    }
    template <typename Body>
    static Task<void> play(Fixture& f, Body& body) {
        runtime::Scope scope{f.loop};
        scope.spawn(f.server.run());
        co_await body(f);
        f.server.stop();
        co_await scope.join();
    }
    Task<std::unique_ptr<runtime::Stream>> connect() {
        auto stream = co_await network.connect("127.0.0.1", server.port());
        INVARIANT(stream.has_value());
        co_return *std::move(stream);
    }
};

Task<void> send(runtime::Stream& stream, std::string_view text) {
    uint8_t prefix[4];
    store_be<int32_t>(prefix, static_cast<int32_t>(text.size()));
    const ByteView parts[] = {prefix, as_bytes(text)};
    INVARIANT((co_await stream.write(parts)).has_value());
}

// The next frame's text; "<end>" at the end of the stream.
Task<std::string> receive(runtime::Stream& stream) {
    std::string out;
    size_t wanted = 4;
    while (out.size() < wanted) {
        uint8_t byte;
        const auto got = co_await stream.read({&byte, 1});
        if (!got || *got == 0) co_return std::string{"<end>"};
        out.push_back(static_cast<char>(byte));
        if (out.size() == 4) wanted += static_cast<size_t>(load_be<int32_t>(as_bytes(out).data()));
    }
    co_return out.substr(4);
}

}  // namespace

TEST_CASE("answers come in order, and quiet ones not at all") {
    Fixture().run([](Fixture& f) -> Task<void> {
        const auto stream = co_await f.connect();
        for (const char* text : {"one", "quiet", "wait", "three"}) co_await send(*stream, text);
        CHECK(co_await receive(*stream) == "one");
        f.go.set();
        CHECK(co_await receive(*stream) == "wait");
        CHECK(co_await receive(*stream) == "three");
    });
}

TEST_CASE("a refused frame closes the connection after the answers before it; others go on") {
    Fixture().run([](Fixture& f) -> Task<void> {
        const auto other = co_await f.connect();
        const auto stream = co_await f.connect();
        for (const char* text : {"good", "bad", "never"}) co_await send(*stream, text);
        CHECK(co_await receive(*stream) == "good");
        CHECK(co_await receive(*stream) == "<end>");
        co_await send(*other, "still here");
        CHECK(co_await receive(*other) == "still here");
    });
}

TEST_CASE("one connection too many is closed") {
    Fixture().run([](Fixture& f) -> Task<void> {
        const auto a = co_await f.connect();
        const auto b = co_await f.connect();
        const auto c = co_await f.connect();
        co_await send(*c, "c");
        CHECK(co_await receive(*c) == "c");
        const auto d = co_await f.connect();
        CHECK(co_await receive(*d) == "<end>");
    });
}

TEST_CASE("a peer that goes away while its request is in work leaves nothing behind") {
    Fixture().run([](Fixture& f) -> Task<void> {
        {
            const auto stream = co_await f.connect();
            co_await send(*stream, "wait");
            co_await send(*stream, "one more");
            while (f.server.connection_count() == 0) co_await f.loop.yield();
        }
        f.go.set();
        CHECK(
            co_await runtime::eventually(f.loop, [&] { return f.server.connection_count() == 0; }));
    });
}

TEST_CASE("a large request that stalls is closed when another one waits for its memory") {
    Fixture().run([](Fixture& f) -> Task<void> {
        const auto stalled = co_await f.connect();
        const auto other = co_await f.connect();
        uint8_t prefix[4];
        store_be<int32_t>(prefix, 150'000);
        const ByteView size[] = {prefix};
        INVARIANT((co_await stalled->write(size)).has_value());
        while (f.buffers.budget().bytes_held() == 0) co_await f.loop.yield();
        const std::string large(120'000, 'x');
        co_await send(*other, large);
        CHECK(co_await receive(*other) == large);
        CHECK(co_await receive(*stalled) == "<end>");
    });
}
