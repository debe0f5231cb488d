#include "coordinator/lanes.h"

#include <doctest/doctest.h>

#include <vector>

#include "runtime/linux_loop.h"
#include "runtime/scope.h"

namespace millrace::coordinator {
namespace {

using runtime::Task;

struct Fixture {
    runtime::LinuxLoop loop;
    Lanes lanes{loop};
    std::vector<std::string> events;

    Task<void> work(std::string name, std::string key, Access access, int turns) {
        Lanes::Stay stay = co_await lanes.enter(key, access);
        events.push_back("+" + name);
        for (int i = 0; i < turns; i++) co_await loop.yield();
        events.push_back("-" + name);
    }
    Task<void> all(std::vector<Task<void>> tasks) {
        runtime::Scope scope{loop};
        for (Task<void>& task : tasks) scope.spawn(std::move(task));
        co_await scope.join();
    }
    template <typename... Tasks>
    void run(Tasks... tasks) {
        std::vector<Task<void>> list;
        (list.push_back(std::move(tasks)), ...);
        loop.run(all(std::move(list)));
    }
};

using Events = std::vector<std::string>;

TEST_CASE("exclusive stays of one key follow each other, other keys do not wait") {
    Fixture f;
    f.run(f.work("a", "k", Access::exclusive, 3), f.work("b", "k", Access::exclusive, 0),
          f.work("c", "other", Access::exclusive, 0));
    CHECK(f.events == Events{"+a", "+c", "-c", "-a", "+b", "-b"});
    CHECK(f.lanes.busy() == 0);
}

TEST_CASE("shared stays meet, an exclusive one waits for all and is not overtaken") {
    Fixture f;
    f.run(f.work("a", "k", Access::shared, 3), f.work("b", "k", Access::shared, 1),
          f.work("x", "k", Access::exclusive, 1), f.work("c", "k", Access::shared, 0),
          f.work("d", "k", Access::shared, 0));
    CHECK(f.events == Events{"+a", "+b", "-b", "-a", "+x", "-x", "+c", "-c", "+d", "-d"});
    CHECK(f.lanes.busy() == 0);
}

TEST_CASE("who is dropped while it waits, or holds a stay, does not block the others") {
    Fixture f;
    auto dropping = [](Fixture& fx) -> Task<void> {
        std::optional<Lanes::Stay> first = co_await fx.lanes.enter("k", Access::exclusive);
        {
            runtime::DroppingScope scope{fx.loop};
            scope.spawn(fx.work("dropped", "k", Access::exclusive, 0));
            co_await fx.loop.yield();
            co_await fx.loop.yield();
        }
        {
            runtime::DroppingScope scope{fx.loop};
            scope.spawn(fx.work("let in", "k", Access::exclusive, 0));
            co_await fx.loop.yield();
            first.reset();  // it is let in now, and dropped before it runs
        }
        co_await fx.work("last", "k", Access::exclusive, 0);
    };
    f.loop.run(dropping(f));
    CHECK(f.events == Events{"+last", "-last"});
    CHECK(f.lanes.busy() == 0);
}

}  // namespace
}  // namespace millrace::coordinator
