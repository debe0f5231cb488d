// Patterns around co_await that compilers have got wrong: temporaries destroyed twice or not at
// all, stacks that grow. A compiler is fit for this project when this program passes, in every
// build type.
// What is counted are live objects: each pattern must leave none, and none may be destroyed twice.
#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "runtime/task.h"

using millrace::runtime::Task;

namespace {

// Knows every one of its living objects by address.
class Live {
public:
    Live() { born(); }
    Live(const Live& other) : value(other.value) { born(); }
    Live(Live&& other) noexcept : value(other.value) { born(); }
    Live& operator=(const Live&) = default;
    explicit Live(int v) : value(v) { born(); }
    ~Live() {
        if (alive.erase(this) != 1) ++wrong;
    }
    static void reset() {
        alive.clear();
        wrong = 0;
    }
    int value = 0;

    static inline std::set<const Live*> alive;
    static inline int wrong = 0;

private:
    void born() {
        if (!alive.insert(this).second) ++wrong;
    }
};

struct Aggregate {
    Live a;
    Live b;
    std::vector<Live> more;
    Task<int> sum() const { co_return a.value + b.value + static_cast<int>(more.size()); }
};

// Lets the awaiting coroutine suspend; the driver resumes it.
struct Pause {
    static inline std::coroutine_handle<> waiting;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) const { waiting = handle; }
    void await_resume() const {}
};

Task<int> take(Aggregate aggregate) {
    co_await Pause{};
    co_return aggregate.a.value + aggregate.b.value;
}
Task<int> look(const Aggregate& aggregate) {
    co_await Pause{};
    co_return aggregate.a.value + aggregate.b.value;
}
Task<Live> make(int value) {
    co_await Pause{};
    co_return Live{value};
}
Task<int> call(std::function<int()> fn) {
    co_await Pause{};
    co_return fn();
}
Task<int> total(std::vector<Live> values) {
    co_await Pause{};
    int sum = 0;
    for (const Live& v : values) sum += v.value;
    co_return sum;
}

Task<int> aggregate_temporary() {
    co_return co_await take(Aggregate{Live{1}, Live{2}, {}});
}
Task<int> aggregate_braces() {
    co_return co_await take({.a = Live{1}, .b = Live{2}, .more = {}});
}
Task<int> aggregate_reference() {
    co_return co_await look(Aggregate{Live{1}, Live{2}, {}});
}
Task<int> method_of_temporary() {
    co_return co_await Aggregate{Live{1}, Live{1}, {Live{}}}.sum();
}
Task<int> capturing_argument() {
    const Live one{1};
    co_return co_await call([one, two = Live{2}] { return one.value + two.value; });
}
Task<int> immediate_lambda() {
    const Live three{3};
    co_return co_await [three]() -> Task<int> {
        co_await Pause{};
        co_return three.value;
    }();
}
Task<int> ternary() {
    const bool yes = Pause::waiting != nullptr;
    const Live live = yes ? co_await make(3) : Live{3};
    co_return live.value;
}
Task<int> ternary_of_temporaries() {
    const bool yes = Pause::waiting != nullptr;
    co_return co_await take(yes ? Aggregate{Live{1}, Live{2}, {}}
                                : Aggregate{Live{2}, Live{1}, {}});
}
Task<int> braced_list() {
    co_return co_await total({Live{1}, Live{2}});
}
Task<int> awaits_in_braces() {
    int sum = 0;
    for (const Live& live : std::vector<Live>{co_await make(1), co_await make(2)})
        sum += live.value;
    co_return sum;
}
Task<Aggregate> build() {
    co_return Aggregate{co_await make(1), co_await make(2), {}};
}
Task<int> returned_aggregate() {
    const auto [a, b, more] = co_await build();
    co_return a.value + b.value;
}
Task<int> logical() {
    const bool both = (co_await make(1)).value == 1 && (co_await make(0)).value == 0;
    co_return both ? 3 : 0;
}
Task<int> statement_macro() {
    auto three = (co_await make(3));
    if (three.value != 3) co_return 0;
    Live moved = std::move(three);
    co_return moved.value;
}

struct Pattern {
    const char* name;
    Task<int> (*start)();
};
constexpr Pattern kPatterns[] = {
    {"aggregate temporary as argument", aggregate_temporary},
    {"aggregate in braces as argument", aggregate_braces},
    {"aggregate temporary by reference", aggregate_reference},
    {"coroutine method of a temporary", method_of_temporary},
    {"capturing lambda in a std::function as argument", capturing_argument},
    {"lambda coroutine with captures, awaited at once", immediate_lambda},
    {"await in one branch of a conditional", ternary},
    {"conditional of temporaries as argument", ternary_of_temporaries},
    {"braced list as argument", braced_list},
    {"awaits inside a braced list", awaits_in_braces},
    {"aggregate of awaits returned, structured binding", returned_aggregate},
    {"awaits on both sides of &&", logical},
    {"move from an awaited local", statement_macro},
};

Task<void> drive(Task<int> task, int& out) {
    out = co_await std::move(task);
}

// The outermost coroutine, resumed by hand.
struct Root {
    struct promise_type {
        Root get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::abort(); }
    };
    std::coroutine_handle<promise_type> handle;
};
Root root_of(Task<void> task) {
    co_await std::move(task);
}

// Resumes it until the end, or `pauses` times; then destroys it.
int run(const Pattern& pattern, int pauses) {
    int out = -1;
    Pause::waiting = nullptr;
    const Root root = root_of(drive(pattern.start(), out));
    root.handle.resume();
    for (int i = 0; i != pauses && !root.handle.done(); ++i)
        std::exchange(Pause::waiting, {}).resume();
    root.handle.destroy();
    return out;
}

Task<int> one() {
    co_return 1;
}
Task<int> many(int n) {
    int sum = 0;
    for (int i = 0; i != n; ++i) sum += co_await one();
    co_return sum;
}
Task<int> many_started() {
    co_return co_await many(3'000'000);
}

}  // namespace

TEST_CASE("temporaries around co_await live exactly as long as they should") {
    for (const Pattern& pattern : kPatterns) {
        CAPTURE(pattern.name);
        Live::reset();
        CHECK(run(pattern, 100) == 3);
        CHECK(Live::alive.empty());
        CHECK(Live::wrong == 0);
    }
}

TEST_CASE("a coroutine destroyed while suspended destroys what lives, once") {
    for (const Pattern& pattern : kPatterns)
        for (int pauses = 0; pauses != 3; ++pauses) {
            CAPTURE(pattern.name);
            CAPTURE(pauses);
            Live::reset();
            run(pattern, pauses);
            CHECK(Live::alive.empty());
            CHECK(Live::wrong == 0);
        }
}

TEST_CASE("awaits that end at once do not grow the stack") {
    CHECK(run({"many", many_started}, 0) == 3'000'000);
}
