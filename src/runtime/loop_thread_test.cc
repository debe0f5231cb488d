#include "runtime/loop_thread.h"

#include <doctest/doctest.h>

#include <atomic>

using namespace millrace;
using namespace millrace::runtime;

TEST_CASE("calls run on the loop's thread and bring results back, from several threads at once") {
    LoopThread thread;
    const auto loops_thread = thread.call([] { return std::this_thread::get_id(); });
    CHECK(loops_thread != std::this_thread::get_id());
    int sum = 0;  // the loop's: no lock
    std::vector<std::thread> callers;
    for (int caller = 0; caller != 4; ++caller)
        callers.emplace_back([&] {
            for (int i = 0; i != 500; ++i)
                thread.call([&]() -> Task<void> {
                    co_await Loop::current().yield();
                    if (std::this_thread::get_id() != loops_thread) FAIL("on another thread");
                    ++sum;
                });
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(thread.call([&] { return sum; }) == 2000);
}

TEST_CASE("a call that waits does not hold up others, and gives values that cannot be copied") {
    LoopThread thread;
    Event go;
    std::thread waiting([&] {
        const auto got = thread.call([&]() -> Task<std::unique_ptr<int>> {
            co_await go.wait();
            co_return std::make_unique<int>(7);
        });
        CHECK(*got == 7);
    });
    CHECK(thread.call([]() -> Result<int> { return fail(ErrorCode::not_found); }).code() ==
          ErrorCode::not_found);
    thread.call([&] { go.set(); });
    waiting.join();
}

TEST_CASE("what is posted to a call's inbox runs on the calling thread, and may call in turn") {
    LoopThread thread;
    const auto caller = std::this_thread::get_id();
    Inbox inbox;
    std::vector<int> order;
    const int result = thread.call(inbox, [&]() -> Task<int> {
        struct Back final : Remote {
            Event event;
            void run() override { event.set(); }
        } back;
        for (int i = 0; i != 3; ++i) {
            inbox.post([&, i] {
                CHECK(std::this_thread::get_id() == caller);
                order.push_back(thread.call([i] { return i; }));
                thread.loop().post_remote(back);
            });
            co_await back.event.wait();
            back.event.reset();
        }
        co_return 9;
    });
    CHECK(result == 9);
    CHECK(order == std::vector{0, 1, 2});
}
