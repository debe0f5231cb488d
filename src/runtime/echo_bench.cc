// Echo over loopback: a server on one core, a client on another, 100-byte requests. Prints requests
// per second and the server thread's CPU time for each, with `depth` requests in flight on each
// connection.
//
//   echo_bench [connections [depth [seconds [bytes [poll_us]]]]]
#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "runtime/linux_network.h"
#include "runtime/scope.h"

using namespace millrace;
using namespace millrace::runtime;

namespace {

void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

double thread_cpu_us() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

Task<void> echo(std::unique_ptr<Stream> stream) {
    std::vector<uint8_t> buffer(64 * 1024);
    for (;;) {
        const auto n = co_await stream->read(buffer);
        if (!n.has_value() || *n == 0) co_return;
        const ByteView part{buffer.data(), *n};
        if (!(co_await stream->write({&part, 1})).has_value()) co_return;
    }
}

Task<void> serve(LinuxLoop& loop, Listener& listener, size_t connections) {
    Scope scope{loop};
    for (size_t i = 0; i != connections; ++i) scope.spawn(echo(*co_await listener.accept()));
    co_await scope.join();
}

struct Load {
    size_t depth;
    size_t bytes;
    TimePoint end;
    uint64_t done = 0;
};

Task<void> ask(LinuxLoop& loop, std::unique_ptr<Stream> stream, Load& load) {
    const std::vector<uint8_t> request(load.bytes * load.depth);
    std::vector<uint8_t> reply(load.bytes * load.depth);
    while (loop.now() < load.end) {
        const ByteView part{request};
        if (!(co_await stream->write({&part, 1})).has_value()) std::abort();
        for (size_t got = 0; got != reply.size();) {
            const auto n = co_await stream->read(MutableByteView{reply}.subspan(got));
            if (!n.has_value() || *n == 0) std::abort();
            got += *n;
        }
        load.done += load.depth;
    }
}

size_t argument(int count, char** values, int index, size_t otherwise) {
    return index < count ? std::strtoul(values[index], nullptr, 10) : otherwise;
}

}  // namespace

int main(int count, char** values) {
    const size_t connections = argument(count, values, 1, 64);
    const size_t seconds = argument(count, values, 3, 3);
    Load load{.depth = argument(count, values, 2, 1), .bytes = argument(count, values, 4, 100)};
    const std::chrono::microseconds poll{argument(count, values, 5, 20)};

    std::atomic<uint16_t> port = 0;
    double server_us = 0;
    LinuxLoop::Stats stats;
    std::thread server{[&] {
        pin(0);
        LinuxLoop loop{{.poll_max = poll}};
        BlockingPool pool{1};
        LinuxNetwork network{loop, pool};
        const auto listener = *network.listen("127.0.0.1", 0);
        port = listener->port();
        port.notify_all();
        const double before = thread_cpu_us();
        loop.run(serve(loop, *listener, connections));
        server_us = thread_cpu_us() - before;
        stats = loop.stats();
    }};
    port.wait(0);
    pin(1);
    LinuxLoop loop{{.poll_max = poll}};
    BlockingPool pool{1};
    LinuxNetwork network{loop, pool};
    load.end = loop.now() + std::chrono::seconds{seconds};
    loop.run([](LinuxLoop& l, LinuxNetwork& n, Load& ld, uint16_t to, size_t many) -> Task<void> {
        Scope scope{l};
        for (size_t i = 0; i != many; ++i)
            scope.spawn(ask(l, *co_await n.connect("127.0.0.1", to), ld));
        co_await scope.join();
    }(loop, network, load, port, connections));
    server.join();
    std::printf(
        "%zu connections, depth %zu, %zu B, poll %zu us: %.0f requests/s, %.2f server us each; "
        "%.1f events a turn, %zu sleeps\n",
        connections, load.depth, load.bytes, static_cast<size_t>(poll.count()),
        static_cast<double>(load.done) / static_cast<double>(seconds),
        server_us / static_cast<double>(load.done),
        static_cast<double>(stats.events) / static_cast<double>(stats.turns),
        static_cast<size_t>(stats.sleeps));
}
