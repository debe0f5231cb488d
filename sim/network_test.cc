#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t kPort = 9092;

Task<void> echo(std::unique_ptr<Stream> stream) {
    std::vector<uint8_t> buffer(1000);
    for (;;) {
        const auto n = co_await stream->read(buffer);
        if (!n.has_value() || *n == 0) co_return;
        const ByteView part{buffer.data(), *n};
        if (!(co_await stream->write({&part, 1})).has_value()) co_return;
    }
}

Task<void> serve_echo(Context& context) {
    auto listener = *context.network.listen("", kPort);
    Scope scope{context.loop};
    for (;;) scope.spawn(echo(*co_await listener->accept()));
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

Task<void> write_all(Stream& stream, const std::string& text) {
    const ByteView part = as_bytes(text);
    if (!(co_await stream.write({&part, 1})).has_value()) stream.close();
}

Task<Result<std::string>> ask(Context& context, std::string host, std::string text) {
    CO_TRY(const auto stream, co_await context.network.connect(host, kPort));
    // Beside the reads, or both sides would wait with full windows.
    DroppingScope scope{context.loop};
    scope.spawn(write_all(*stream, text));
    co_return co_await read_exactly(*stream, text.size());
}

Task<void> idle(Context& context) {
    co_await context.loop.sleep_for(1000h);
}

struct TwoNodes {
    explicit TwoNodes(Simulation& s) : sim(s) {
        server.start(serve_echo);
        client.start(idle);
        sim.run_for(1ms);
    }
    std::optional<Result<std::string>> ask_server(std::string text, Duration limit = 1h) {
        return sim.run(client.loop(), ask(client.context(), "server", std::move(text)), limit);
    }
    Simulation& sim;
    SimFabric fabric{sim};
    SimNode server{sim, fabric, "server"};
    SimNode client{sim, fabric, "client"};
};

uint64_t trace_of(uint64_t seed) {
    Simulation sim{seed};
    TwoNodes nodes{sim};
    CHECK(nodes.ask_server(std::string(100'000, 'x'))->has_value());
    return sim.trace().hash();
}

}  // namespace

TEST_CASE("a seed gives the same run again, another seed another one") {
    CHECK(trace_of(1) == trace_of(1));
    CHECK(trace_of(2) == trace_of(2));
    CHECK(trace_of(1) != trace_of(2));
}

SIM_TEST("an echo server serves many clients at once") {
    TwoNodes nodes{sim};
    int good = 0;
    for (int i = 0; i != 10; ++i)
        nodes.client.spawn([](Context& context, int size, int& count) -> Task<void> {
            const std::string text(static_cast<size_t>(size), 'q');
            if (*co_await ask(context, "server", text) == text) ++count;
        }(nodes.client.context(), i * 40'000, good));
    CHECK(sim.run_until([&] { return good == 10; }, 60s));
}

SIM_TEST("a blocked direction holds bytes back and lets them through in order when it opens") {
    TwoNodes nodes{sim};
    const std::string text(300'000, 'z');
    sim.after(3ms, [&] { nodes.fabric.block("server", "client"); });
    sim.after(5s, [&] { nodes.fabric.heal(); });
    const auto back = nodes.ask_server(text);
    REQUIRE(back.has_value());
    CHECK(**back == text);
}

SIM_TEST("what stays blocked ends with an error, on connecting and on an open connection") {
    TwoNodes nodes{sim};
    nodes.fabric.isolate("server");
    const TimePoint began = sim.now();
    CHECK(nodes.ask_server("x")->code() == ErrorCode::deadline_exceeded);
    CHECK(sim.now() - began >= 60s);
    nodes.fabric.heal();
    nodes.fabric.block("client", "server");
    CHECK_FALSE(nodes.ask_server("x", 2s).has_value());
    nodes.fabric.heal();
    CHECK(**nodes.ask_server("again") == "again");
}

SIM_TEST("a killed server's clients see the end, and it can start again") {
    TwoNodes nodes{sim};
    sim.after(sim.between(1ms, 20ms), [&] { nodes.server.kill(); });
    const auto back = nodes.ask_server(std::string(500'000, 'k'));
    REQUIRE(back.has_value());
    constexpr ErrorCode kEnds[] = {ErrorCode::none, ErrorCode::connection_closed,
                                   ErrorCode::cancelled, ErrorCode::io_error};
    CHECK(std::ranges::find(kEnds, back->code()) != std::end(kEnds));
    CHECK(sim.run_until([&] { return !nodes.server.running(); }, 1s));
    CHECK(nodes.ask_server("refused")->code() == ErrorCode::io_error);
    nodes.server.start(serve_echo);
    sim.run_for(1ms);
    CHECK(**nodes.ask_server("back") == "back");
}

SIM_TEST("a server without power is silence, and a reset once it is back") {
    TwoNodes nodes{sim};
    sim.after(sim.between(3ms, 10ms), [&] { nodes.server.power_cut(); });
    sim.after(10s, [&] { nodes.server.start(serve_echo); });
    const TimePoint began = sim.now();
    const auto back = nodes.ask_server(std::string(2'000'000, 'k'));
    REQUIRE(back.has_value());
    if (!back->has_value()) {
        CHECK(
            (back->code() == ErrorCode::connection_closed || back->code() == ErrorCode::cancelled));
        CHECK(sim.now() - began >= 10s);
    }
    CHECK(sim.run_until([&] { return sim.now() - began > 11s; }, 20s));
    CHECK(**nodes.ask_server("back") == "back");
}

SIM_TEST("connections that are reset at random never lose or change bytes without an error") {
    TwoNodes nodes{sim};
    nodes.fabric.faults.reset_chance = 0.02;
    nodes.fabric.faults.slow_chance = 0.01;
    int good = 0;
    for (int i = 0; i != 30; ++i) {
        const std::string text(static_cast<size_t>(i) * 10'000 + 1,
                               static_cast<char>('a' + i % 26));
        const auto back = nodes.ask_server(text);
        REQUIRE(back.has_value());
        if (!back->has_value()) continue;
        CHECK(**back == text);
        ++good;
    }
    CHECK(good > 0);
}

SIM_TEST("timers of different nodes fire in the order of virtual time") {
    TwoNodes nodes{sim};
    std::vector<int> order;
    for (int i = 0; i != 10; ++i)
        (i % 2 ? nodes.server : nodes.client)
            .spawn([](Loop& loop, int seconds, std::vector<int>& out) -> Task<void> {
                co_await loop.sleep_for(std::chrono::seconds{seconds});
                out.push_back(seconds);
            }((i % 2 ? nodes.server : nodes.client).loop(), (i * 7) % 10, order));
    CHECK(sim.run_until([&] { return order.size() == 10; }, 20s));
    CHECK(std::ranges::is_sorted(order));
}
