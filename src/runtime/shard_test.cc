#include "runtime/shard.h"

#include <doctest/doctest.h>

#include <thread>

#include "runtime/scope.h"

using namespace millrace;
using namespace millrace::runtime;

namespace {

// Touched from its own shard only.
struct Counter {
    std::thread::id owner;
    int value = 0;
    int add(int n) {
        CHECK(std::this_thread::get_id() == owner);
        return value += n;
    }
    Task<int> add_later(int n) {
        co_await Loop::current().yield();
        co_return add(n);
    }
};

constexpr int kHops = 20'000;

Task<void> ping(Shards& shards, size_t to, Counter& counter) {
    const std::thread::id home = std::this_thread::get_id();
    for (int i = 0; i != kHops; ++i) {
        int value = 0;
        if (i % 2)
            value = co_await on(shards.loop(to), [&] { return counter.add(1); });
        else
            value = co_await on(shards.loop(to),
                                [&]() -> Task<int> { co_return co_await counter.add_later(1); });
        CHECK(value > 0);
        if (std::this_thread::get_id() != home) FAIL("came back on another thread");
    }
}

}  // namespace

TEST_CASE("tasks go to other shards and come back, all ways at once") {
    Shards shards{3};
    std::vector<Counter> counters(3);
    std::atomic<size_t> ready = 0;
    shards.run([&](LinuxLoop& loop, size_t index) -> Task<void> {
        counters[index].owner = std::this_thread::get_id();
        ++ready;
        while (ready != 3) co_await loop.yield();
        Scope scope{loop};
        for (size_t to = 0; to != 3; ++to) scope.spawn(ping(shards, to, counters[to]));
        co_await scope.join();
    });
    for (const Counter& counter : counters) CHECK(counter.value == 3 * kHops);
}

TEST_CASE("a hop may give nothing, a value that cannot be copied, or an error") {
    Shards shards{2};
    shards.run([&](LinuxLoop&, size_t index) -> Task<void> {
        if (index != 0) co_return;
        int set = 0;
        co_await on(shards.loop(1), [&] { set = 1; });
        CHECK(set == 1);
        co_await on(shards.loop(1), [&]() -> Task<void> {
            co_await Loop::current().sleep_for(std::chrono::microseconds{100});
            set = 2;
        });
        CHECK(set == 2);
        const auto pointer = co_await on(shards.loop(1), [] { return std::make_unique<int>(5); });
        CHECK(*pointer == 5);
        const auto error =
            co_await on(shards.loop(1), []() -> Result<int> { return fail(ErrorCode::not_found); });
        CHECK(error.code() == ErrorCode::not_found);
    });
}
