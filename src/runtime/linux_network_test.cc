#include "runtime/linux_network.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/linux_disk.h"
#include "runtime/scope.h"

using namespace millrace;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

struct Host {
    LinuxLoop loop;
    BlockingPool pool{2};
    LinuxNetwork network{loop, pool};
    LinuxDisk disk{pool};
};

struct Pair {
    std::unique_ptr<Stream> near;
    std::unique_ptr<Stream> far;
};

Task<Pair> connected(Host& host) {
    auto listener = *host.network.listen("127.0.0.1", 0);
    auto near = *co_await host.network.connect("127.0.0.1", listener->port());
    auto far = *co_await listener->accept();
    co_return Pair{std::move(near), std::move(far)};
}

Task<Result<void>> write_text(Stream& stream, std::string_view text) {
    const ByteView part = as_bytes(text);
    co_return co_await stream.write({&part, 1});
}

Task<Result<std::string>> read_exactly(Stream& stream, size_t size) {
    std::string text(size, 0);
    for (size_t done = 0; done != size;) {
        CO_TRY(const size_t n,
               co_await stream.read({reinterpret_cast<uint8_t*>(text.data()) + done, size - done}));
        if (n == 0) co_return fail(ErrorCode::connection_closed);
        done += n;
    }
    co_return text;
}

std::string random_text(Rng& rng, size_t size) {
    std::string text(size, 0);
    for (char& c : text) c = static_cast<char>(rng.next());
    return text;
}

Task<void> write_in_parts(Stream& stream, std::string_view text, size_t parts) {
    std::vector<ByteView> views;
    const ByteView all_bytes = as_bytes(text);
    for (size_t i = 0; i != parts; ++i) {
        const size_t from = text.size() * i / parts;
        views.push_back(all_bytes.subspan(from, text.size() * (i + 1) / parts - from));
    }
    CHECK((co_await stream.write(views)).has_value());
}

}  // namespace

TEST_CASE("bytes go both ways, and the end of the stream is seen") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        Pair pair = co_await connected(h);
        CHECK(pair.far->peer().starts_with("127.0.0.1:"));
        CHECK((co_await write_text(*pair.near, "ping")).has_value());
        CHECK(*co_await read_exactly(*pair.far, 4) == "ping");
        CHECK((co_await write_text(*pair.far, "pong")).has_value());
        CHECK(*co_await read_exactly(*pair.near, 4) == "pong");
        uint8_t buffer[8];
        CHECK(pair.near->read_now(buffer).code() == ErrorCode::would_block);
        CHECK((co_await write_text(*pair.far, "bye")).has_value());
        pair.far->close();
        CHECK(*co_await read_exactly(*pair.near, 3) == "bye");
        CHECK(*co_await pair.near->read(buffer) == 0);
        CHECK(*co_await pair.near->read(buffer) == 0);
        CHECK((co_await pair.far->read(buffer)).code() == ErrorCode::cancelled);
    }(host));
}

TEST_CASE("a long write in very many parts arrives whole, whatever the reader's pace") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        Pair pair = co_await connected(h);
        Rng rng{3};
        for (const size_t parts : {1u, 7u, 5000u}) {
            const std::string text = random_text(rng, 4'000'000);
            Scope scope{h.loop};
            scope.spawn(write_in_parts(*pair.near, text, parts));
            pair.far->want(100'000);
            const std::string back = *co_await read_exactly(*pair.far, text.size() - 10);
            const std::string rest = *co_await read_exactly(*pair.far, 10);
            CHECK(back + rest == text);
            co_await scope.join();
        }
    }(host));
}

TEST_CASE("close() ends a waiting read, write and accept with cancelled") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        Pair pair = co_await connected(h);
        auto listener = *h.network.listen("127.0.0.1", 0);
        int ended = 0;
        Scope scope{h.loop};
        scope.spawn([](Stream& s, int& n) -> Task<void> {
            uint8_t buffer[8];
            CHECK((co_await s.read(buffer)).code() == ErrorCode::cancelled);
            ++n;
        }(*pair.near, ended));
        const std::string much(50'000'000, 'x');
        scope.spawn([](Stream& s, std::string_view text, int& n) -> Task<void> {
            CHECK((co_await write_text(s, text)).code() == ErrorCode::cancelled);
            ++n;
        }(*pair.near, much, ended));
        scope.spawn([](Listener& l, int& n) -> Task<void> {
            CHECK((co_await l.accept()).code() == ErrorCode::cancelled);
            ++n;
        }(*listener, ended));
        co_await h.loop.yield();  // all three wait now
        CHECK(ended == 0);
        pair.near->close();
        listener->close();
        co_await scope.join();
        CHECK(ended == 3);
    }(host));
}

TEST_CASE("a read that was destroyed leaves the stream usable") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        Pair pair = co_await connected(h);
        uint8_t buffer[8];
        const auto late =
            co_await with_deadline(h.loop, h.loop.now() + 1ms, pair.near->read(buffer));
        CHECK(late.code() == ErrorCode::deadline_exceeded);
        CHECK((co_await write_text(*pair.far, "later")).has_value());
        CHECK(*co_await read_exactly(*pair.near, 5) == "later");
    }(host));
}

TEST_CASE(
    "connecting to a closed port fails, a taken port is already_exists, a name is looked up") {
    Host host;
    host.loop.run([](Host& h) -> Task<void> {
        auto listener = *h.network.listen("127.0.0.1", 0);
        const uint16_t port = listener->port();
        CHECK(h.network.listen("127.0.0.1", port).code() == ErrorCode::already_exists);
        CHECK((co_await h.network.connect("localhost", port)).has_value());
        listener.reset();
        CHECK((co_await h.network.connect("127.0.0.1", port)).code() == ErrorCode::io_error);
        CHECK_FALSE((co_await h.network.connect("no such host", 1)).has_value());
    }(host));
}

TEST_CASE("a file range is sent, copied and by sendfile, and its end is an error") {
    const std::string path =
        std::filesystem::temp_directory_path() / ("millrace-send-" + std::to_string(::getpid()));
    Host host;
    host.loop.run([](Host& h, std::string file_path) -> Task<void> {
        Pair pair = co_await connected(h);
        Rng rng{5};
        const std::string text = random_text(rng, 3'000'001);
        CHECK(h.disk.write_file(file_path, text).has_value());
        auto file = *h.disk.open(file_path, OpenMode::read);
        Scope scope{h.loop};
        scope.spawn([](Stream& s, File& f, size_t size) -> Task<void> {
            CHECK((co_await s.send_file(f, 1000, size - 1000)).has_value());
            CHECK((co_await s.send_file(f, size - 5, 6)).code() == ErrorCode::io_error);
        }(*pair.near, *file, text.size()));
        CHECK(*co_await read_exactly(*pair.far, text.size() - 1000) == text.substr(1000));
        CHECK(*co_await read_exactly(*pair.far, 5) == text.substr(text.size() - 5));
        co_await scope.join();
        CHECK(h.disk.remove(file_path).has_value());
    }(host, path));
}

TEST_CASE("out of descriptors, accepting pauses and goes on when there are some again") {
    Host host;
    rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    host.loop.run([](Host& h, rlimit normal) -> Task<void> {
        auto listener = *h.network.listen("127.0.0.1", 0);
        auto client = *co_await h.network.connect("127.0.0.1", listener->port());
        const int highest = ::dup(0);
        const rlimit tight{.rlim_cur = static_cast<rlim_t>(highest), .rlim_max = normal.rlim_max};
        ::close(highest);
        setrlimit(RLIMIT_NOFILE, &tight);
        const auto none = co_await with_deadline(h.loop, h.loop.now() + 20ms, listener->accept());
        CHECK(none.code() == ErrorCode::deadline_exceeded);
        setrlimit(RLIMIT_NOFILE, &normal);
        CHECK((co_await listener->accept()).has_value());
    }(host, limit));
}
