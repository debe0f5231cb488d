#include "runtime/linux_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "base/log.h"
#include "runtime/event.h"
#include "runtime/scope.h"

namespace millrace::runtime {
namespace {

constexpr int kEventsMax = 256;
// Rounds of ready tasks before the loop looks for events again, so that neither starves the other.
constexpr int kRoundsMax = 16;

TimePoint clock_now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return TimePoint{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

uint64_t system_seed() {
    uint64_t seed = 0;
    INVARIANT(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return seed;
}

// epoll_pwait2 has nanoseconds, but is missing on older kernels.
int epoll_wait_for(int epoll, epoll_event* events, Duration timeout) {
    static constinit std::atomic<bool> precise = true;
    if (timeout.count() <= 0)
        return epoll_wait(epoll, events, kEventsMax, timeout.count() < 0 ? -1 : 0);
    if (precise.load(std::memory_order_relaxed)) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
        const timespec t{.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
        const int n = epoll_pwait2(epoll, events, kEventsMax, &t, nullptr);
        if (n >= 0 || errno != ENOSYS) return n;
        precise.store(false, std::memory_order_relaxed);
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    return epoll_wait(epoll, events, kEventsMax, static_cast<int>(std::min<int64_t>(ms, INT_MAX)));
}

}  // namespace

LinuxLoop::LinuxLoop(Options options)
    : Loop(options.seed ? options.seed : system_seed()),
      options_(options),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    INVARIANT(epoll_ && bell_);
    epoll_event bell{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    INVARIANT(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &bell) == 0);
    // A peer that went away is an error code here, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    update_now();
}

LinuxLoop::~LinuxLoop() = default;

void LinuxLoop::run(Task<void> root) {
    const Entered entered{*this};
    update_now();
    last_look_ = now_;
    Scope scope{*this};
    scope.spawn(std::move(root));
    for (;;) {
        turn();
        if (scope.size() == 0) break;
        wait_for_events();
    }
}

void LinuxLoop::turn() {
    ++stats_.turns;
    for (int round = 0; round != kRoundsMax; ++round) {
        const bool any_remote = remote_.run_all();
        if (!run_ready() && !any_remote) break;
    }
}

void LinuxLoop::wait_for_events() {
    const TimePoint began = clock_now();
    note_turn(began);
    if (has_ready() || !remote_.empty()) {
        take_events(Duration::zero());
        update_now();
        return;
    }
    now_ = began;
    const TimePoint timer = next_timer();
    size_t taken = 0;
    if (usual_wait_ < options_.poll_max)
        taken = poll_for_events(std::min(began + options_.poll_max, timer));
    if (taken == 0) {
        // Either the sender sees `sleeping_`, or its message is seen here: both are seq_cst.
        sleeping_.store(true, std::memory_order_seq_cst);
        const TimePoint now = clock_now();
        if (remote_.empty() && timer > now) {
            ++stats_.sleeps;
            take_events(timer == kNever ? Duration{-1} : timer - now);
        }
        sleeping_.store(false, std::memory_order_relaxed);
    }
    update_now();
    times_.waited += now_ - began;
    const Duration waited = std::min(now_ - began, 8 * options_.poll_max);
    usual_wait_ += (waited - usual_wait_) / 4;
}

void LinuxLoop::note_turn(TimePoint ended) {
    const Duration lasted = ended - now_;
    ++times_.looks;
    times_.worked += lasted;
    times_.longest = std::max(times_.longest, ended - last_look_);
    last_look_ = ended;
    stats_.longest_turn = std::max(stats_.longest_turn, lasted);
    if (lasted < kStall) return;
    ++stats_.stalls;
    LOG_DEBUG("runtime", "tasks kept the loop for {} us",
              std::chrono::duration_cast<std::chrono::microseconds>(lasted).count());
}

size_t LinuxLoop::poll_for_events(TimePoint until) {
    do {
        if (const size_t taken = take_events(Duration::zero())) return taken;
    } while (remote_.empty() && clock_now() < until);
    return 0;
}

size_t LinuxLoop::take_events(Duration timeout) {
    epoll_event events[kEventsMax];
    const int n = epoll_wait_for(epoll_.get(), events, timeout);
    if (n < 0) {
        INVARIANT(errno == EINTR);
        return 0;
    }
    for (int i = 0; i < n; ++i)
        if (auto* watch = static_cast<Watch*>(events[i].data.ptr))
            watch->on_events(events[i].events);
    stats_.events += static_cast<uint64_t>(n);
    return static_cast<size_t>(n);
}

void LinuxLoop::update_now() {
    now_ = clock_now();
    wall_ms_ = -1;
}

TimePoint LinuxLoop::read_clock() const {
    return clock_now();
}

TimestampMs LinuxLoop::wall_ms() const {
    if (wall_ms_ >= 0) return wall_ms_;
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return wall_ms_ = int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

void LinuxLoop::post_remote(Remote& work) {
    remote_.push(work);
    // One bell for each sleep. The counter is never read: each write is a new edge.
    if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false)) {
        const uint64_t one = 1;
        const ssize_t written = ::write(bell_.get(), &one, sizeof one);
        INVARIANT(written == sizeof one || errno == EAGAIN);
    }
}

Result<void> LinuxLoop::watch(int descriptor, Watch& watch) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &watch}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        return system_error("epoll_ctl", "add");
    return {};
}

void LinuxLoop::unwatch(int descriptor) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

SignalWatch::SignalWatch(LinuxLoop& loop, std::initializer_list<int> signals) : loop_(loop) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : signals) sigaddset(&set, signal);
    INVARIANT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
    descriptor_ = FileDescriptor{signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    INVARIANT(descriptor_ && loop.watch(descriptor_.get(), *this).has_value());
}

Task<int> SignalWatch::next() {
    for (;;) {
        signalfd_siginfo info;
        if (::read(descriptor_.get(), &info, sizeof info) == sizeof info)
            co_return static_cast<int>(info.ssi_signo);
        readable_.clear();
        co_await readable_.wait(loop_);
    }
}

}  // namespace millrace::runtime
