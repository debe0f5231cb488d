#include "runtime/linux_loop.h"

#include <doctest/doctest.h>

#include <csignal>
#include <ctime>

#include "runtime/scope.h"

using namespace millrace;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

Task<int> one() {
    co_return 1;
}

Task<int> count_to(int n) {
    int sum = 0;
    for (int i = 0; i != n; ++i) sum += co_await one();
    co_return sum;
}

Task<void> note_after(Loop& loop, Duration d, int id, std::vector<int>& order) {
    co_await loop.sleep_for(d);
    order.push_back(id);
}

// Notes when its frame is destroyed.
struct Witness {
    int& destroyed;
    ~Witness() { ++destroyed; }
};

Task<void> wait_for(Event& event, int& destroyed) {
    const Witness witness{destroyed};
    co_await event.wait();
}

}  // namespace

TEST_CASE("millions of awaits that end at once need no stack") {
    LinuxLoop loop;
    CHECK(loop.run_for_result(count_to(3'000'000)) == 3'000'000);
}

TEST_CASE("timers fire by time, equal ones in the order they were set") {
    LinuxLoop loop;
    std::vector<int> order;
    std::vector<Task<void>> tasks;
    const int delays_ms[] = {9, 3, 5, 3, 1, 9};
    int id = 0;
    for (int ms : delays_ms) tasks.push_back(note_after(loop, ms * 1ms, id++, order));
    loop.run(all(loop, std::move(tasks)));
    CHECK(order == std::vector{4, 1, 3, 2, 0, 5});
}

TEST_CASE("a loop knows how long it waited and worked") {
    LinuxLoop loop;
    constexpr int kSleeps = 3;
    const TimePoint began = loop.read_clock();
    for (int i = 0; i != kSleeps; ++i) {
        std::vector<int> order;
        loop.run(note_after(loop, 2ms, 1, order));
    }
    const Duration all = loop.read_clock() - began;
    const LoopTimes& times = loop.times();
    CHECK(times.looks >= kSleeps);
    CHECK(times.waited > Duration::zero());
    CHECK(times.worked > Duration::zero());
    CHECK(times.waited + times.worked >= kSleeps * 2ms);
    CHECK(times.waited + times.worked <= all);
    CHECK(times.longest <= all);
}

TEST_CASE("timers agree with a sorted list when many are set and destroyed") {
    LinuxLoop loop{{.seed = 11}};
    std::vector<int> order;
    std::vector<std::pair<int, int>> expected;
    loop.run([](LinuxLoop& l, std::vector<int>& out,
                std::vector<std::pair<int, int>>& want) -> Task<void> {
        std::vector<std::unique_ptr<DroppingScope>> scopes;
        for (int id = 0; id != 500; ++id) {
            const int us = static_cast<int>(l.rng().below(5000));
            scopes.push_back(std::make_unique<DroppingScope>(l));
            scopes.back()->spawn(note_after(l, us * 1us, id, out));
            want.emplace_back(us, id);
        }
        co_await l.yield();
        for (size_t i = want.size(); i-- != 0;)
            if (l.rng().chance(0.5)) {
                scopes.erase(scopes.begin() + static_cast<ptrdiff_t>(i));
                want.erase(want.begin() + static_cast<ptrdiff_t>(i));
            }
        for (auto& scope : scopes) co_await scope->join();
    }(loop, order, expected));
    std::ranges::sort(expected);
    std::vector<int> ids;
    for (auto [us, id] : expected) ids.push_back(id);
    CHECK(order == ids);
}

TEST_CASE("what was ready runs before the one that yields goes on") {
    LinuxLoop loop;
    std::vector<int> order;
    loop.run([](LinuxLoop& l, std::vector<int>& out) -> Task<void> {
        Scope scope{l};
        scope.spawn(note_after(l, 0ms, 1, out));
        scope.spawn([](Loop& inner, std::vector<int>& o) -> Task<void> {
            o.push_back(2);
            co_await inner.yield();
            o.push_back(3);
        }(l, out));
        co_await l.yield();
        out.push_back(4);
        co_await scope.join();
    }(loop, order));
    REQUIRE(order.size() == 4);
    CHECK(order[0] == 2);
    CHECK(std::ranges::find(order, 4) < std::ranges::find(order, 3));
}

TEST_CASE("an event wakes all that wait, and stays set until reset") {
    LinuxLoop loop;
    Event event;
    int destroyed = 0;
    loop.run([](LinuxLoop& l, Event& e, int& d) -> Task<void> {
        Scope scope{l};
        for (int i = 0; i != 3; ++i) scope.spawn(wait_for(e, d));
        co_await l.yield();
        CHECK(d == 0);
        e.set();
        CHECK(d == 0);  // nobody runs inside set()
        co_await scope.join();
        CHECK(d == 3);
        co_await e.wait();
        e.reset();
        CHECK_FALSE(co_await e.wait_until(l, l.now() + 1ms));
    }(loop, event, destroyed));
}

TEST_CASE("a suspended task can be destroyed at any point: before its start, waiting, and woken") {
    LinuxLoop loop;
    Event event;
    int destroyed = 0;
    loop.run([](LinuxLoop& l, Event& e, int& d) -> Task<void> {
        {
            DroppingScope scope{l};
            scope.spawn(wait_for(e, d));
        }
        CHECK(d == 0);  // it had not begun
        {
            DroppingScope scope{l};
            scope.spawn(wait_for(e, d));
            co_await l.yield();
        }
        CHECK(d == 1);
        {
            DroppingScope scope{l};
            scope.spawn(wait_for(e, d));
            co_await l.yield();
            e.set();
        }
        CHECK(d == 2);
        co_await l.yield();
    }(loop, event, destroyed));
}

TEST_CASE("a wait with a token ends when it is cancelled, before or during") {
    LinuxLoop loop;
    loop.run([](LinuxLoop& l) -> Task<void> {
        Event event;
        CancelSource source;
        const CancelToken token = source.token();
        CHECK((co_await event.wait_until(l, l.now() + 1ms, token)).code() ==
              ErrorCode::deadline_exceeded);
        Scope scope{l};
        scope.spawn([](Loop& inner, CancelSource& s) -> Task<void> {
            co_await inner.yield();
            s.cancel();
        }(l, source));
        CHECK((co_await event.wait_until(l, kNever, token)).code() == ErrorCode::cancelled);
        CHECK((co_await event.wait_until(l, kNever, token)).code() == ErrorCode::cancelled);
        CHECK((co_await sleep_for(l, 1h, token)).code() == ErrorCode::cancelled);
        bool called = false;
        const OnCancel on_cancel{token, [&] { called = true; }};
        CHECK(called);
        event.set();
        CHECK((co_await event.wait_until(l, kNever, token)).has_value());
        co_await scope.join();
    }(loop));
}

TEST_CASE("a subscriber is woken once by several sources and misses none between look and wait") {
    LinuxLoop loop;
    loop.run([](LinuxLoop& l) -> Task<void> {
        Signal a;
        Signal b;
        Signal c;
        Subscriber waiting{l};
        waiting.subscribe(a);
        waiting.subscribe(b);
        waiting.subscribe(c);
        a.notify();
        b.notify();
        CHECK(co_await waiting.wait_until(kNever));
        CHECK_FALSE(co_await waiting.wait_until(l.now() + 1ms));
        c.notify();
        CHECK(co_await waiting.wait_until(kNever));
        waiting.unsubscribe_all();
        CHECK(a.idle());
        CHECK(b.idle());
        CHECK(c.idle());
    }(loop));
}

TEST_CASE("the mutex goes round in order, and past one that was destroyed in the queue") {
    LinuxLoop loop;
    std::vector<int> order;
    loop.run([](LinuxLoop& l, std::vector<int>& out) -> Task<void> {
        AsyncMutex mutex;
        constexpr auto hold = [](Loop& inner, AsyncMutex& m, int id,
                                 std::vector<int>& o) -> Task<void> {
            const auto guard = co_await m.lock();
            o.push_back(id);
            co_await inner.yield();
            o.push_back(id);
        };
        Scope scope{l};
        for (int id = 0; id != 3; ++id) scope.spawn(hold(l, mutex, id, out));
        {
            DroppingScope gone{l};
            gone.spawn(hold(l, mutex, 9, out));
            co_await l.yield();
        }
        scope.spawn(hold(l, mutex, 3, out));
        co_await scope.join();
        CHECK_FALSE(mutex.locked());
    }(loop, order));
    CHECK(order == std::vector{0, 0, 1, 1, 2, 2, 3, 3});
}

TEST_CASE("a bounded queue hands over everything in order and ends when closed") {
    LinuxLoop loop;
    std::vector<int> got;
    loop.run([](LinuxLoop& l, std::vector<int>& out) -> Task<void> {
        Queue<int> queue{2};
        Scope scope{l};
        scope.spawn([](Queue<int>& q) -> Task<void> {
            for (int i = 0; i != 10; ++i) CHECK(co_await q.push(i));
            q.close();
            CHECK_FALSE(co_await q.push(11));
        }(queue));
        while (std::optional<int> item = co_await queue.pop()) {
            CHECK(queue.size() <= 2);
            out.push_back(*item);
        }
        co_await scope.join();
    }(loop, got));
    CHECK(got == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("with_deadline gives the result or destroys the task") {
    LinuxLoop loop;
    int destroyed = 0;
    loop.run([](LinuxLoop& l, int& d) -> Task<void> {
        constexpr auto sleep = [](Loop& inner, Duration time, int& count) -> Task<Result<int>> {
            const Witness witness{count};
            co_await inner.sleep_for(time);
            co_return 7;
        };
        const Result<int> in_time = co_await with_deadline(l, l.now() + 1h, sleep(l, 1ms, d));
        CHECK(*in_time == 7);
        const Result<int> late = co_await with_deadline(l, l.now() + 1ms, sleep(l, 1h, d));
        CHECK(late.code() == ErrorCode::deadline_exceeded);
        CHECK(d == 2);
    }(loop, destroyed));
}

TEST_CASE("a signal can be awaited") {
    LinuxLoop loop;
    SignalWatch signals{loop, {SIGUSR1, SIGUSR2}};
    loop.run([](SignalWatch& s) -> Task<void> {
        ::raise(SIGUSR2);
        CHECK(co_await s.next() == SIGUSR2);
    }(signals));
}

TEST_CASE("an idle loop sleeps") {
    LinuxLoop loop;
    const std::clock_t before = std::clock();
    loop.run([](LinuxLoop& l) -> Task<void> { co_await l.sleep_for(200ms); }(loop));
    CHECK(std::clock() - before < CLOCKS_PER_SEC / 20);
}
