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

struct Cpu {
    double user_us;
    double system_us;
};

Cpu thread_cpu() {
    rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    const auto us = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return {us(usage.ru_utime), us(usage.ru_stime)};
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
    Cpu used{};
    LinuxLoop::Stats stats;
    std::thread server{[&] {
        pin(0);
        LinuxLoop loop{{.poll_max = poll}};
        BlockingPool pool{1};
        LinuxNetwork network{loop, pool};
        const auto listener = *network.listen("127.0.0.1", 0);
        port = listener->port();
        port.notify_all();
        const Cpu before = thread_cpu();
        loop.run(serve(loop, *listener, connections));
        const Cpu after = thread_cpu();
        used = {after.user_us - before.user_us, after.system_us - before.system_us};
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
    const double requests = static_cast<double>(load.done);
    std::printf(
        "%zu connections, depth %zu, %zu B, poll %zu us: %.0f requests/s; server us each: %.2f "
        "(user %.2f); %.1f events a turn, %zu sleeps\n",
        connections, load.depth, load.bytes, static_cast<size_t>(poll.count()),
        requests / static_cast<double>(seconds), (used.user_us + used.system_us) / requests,
        used.user_us / requests,
        static_cast<double>(stats.events) / static_cast<double>(stats.turns),
        static_cast<size_t>(stats.sleeps));
}
