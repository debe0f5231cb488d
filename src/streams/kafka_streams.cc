#include "streams/kafka_streams.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "runtime/loop_thread.h"
#include "streams/app/global_thread.h"
#include "streams/state/disk_state.h"

namespace millrace::streams {
namespace {

constexpr size_t kStateMemory = size_t{64} << 20;

const std::string& client_name(const StreamsConfig& config) {
    return config.client_id.empty() ? config.application_id : config.client_id;
}

std::string thread_name(const StreamsConfig& config, int index) {
    return fmt::format("{}-StreamThread-{}", client_name(config), index);
}

// What an application cannot do is refused when it is made, and not left out silently.
void check(const StreamsConfig& config) {
    if (config.application_id.empty())
        throw ConfigException("the application needs an application.id");
    if (config.bootstrap_servers.empty())
        throw ConfigException("the application needs bootstrap.servers");
    if (config.num_standby_replicas > 0)
        throw ConfigException("num.standby.replicas above 0 is not supported");
}

}  // namespace

struct KafkaStreams::Impl {
    // A stream thread on a loop of its own.
    struct Worker {
        runtime::LoopThread loop;
        std::optional<runtime::Scope> tasks;
        std::unique_ptr<StreamThread> thread;
        ThreadState state = ThreadState::created;  // under the mutex
    };

    // The thread of the global stores on a loop of its own.
    struct GlobalWorker {
        runtime::LoopThread loop;
        std::optional<runtime::Scope> tasks;
        std::unique_ptr<GlobalThread> thread;
    };

    Impl(const Topology& topology, StreamsConfig given)
        : plan(topology.plan()),
          config(std::move(given)),
          directory(std::filesystem::path(config.state_dir) / config.application_id) {
        check(config);
        state_directory = make_disk_state(directory, kStateMemory);
    }

    // The global stores come first: every task may read them.
    void begin_global() {
        const bool any = std::ranges::any_of(plan->stores(),
                                             [](const auto& entry) { return entry.second.global; });
        if (!any) return;
        global_state = std::make_unique<GlobalState>(*plan, *state_directory);
        global = std::make_unique<GlobalWorker>();
        std::exception_ptr failed;
        global->loop.call([&] {
            try {
                global->thread = std::make_unique<GlobalThread>(
                    global->loop.context(), plan, config, *global_state,
                    fmt::format("{}-GlobalStreamThread", client_name(config)), restore_listener);
                global->tasks.emplace(global->loop.loop());
            } catch (...) {
                failed = std::current_exception();
            }
        });
        if (failed) std::rethrow_exception(failed);
        const Result<void> restored =
            global->loop.call([&] [[clang::coro_wrapper]] { return global->thread->restore(); });
        if (!restored)
            throw StreamsException("the global stores cannot be restored: " +
                                   restored.error().describe());
        global->loop.call([&] { global->tasks->spawn(keep_up()); });
    }

    runtime::Task<void> keep_up() {
        const Result<void> ended = co_await global->thread->run();
        if (!ended) failed(ended.error());
    }

    void end_global() {
        if (!global) return;
        global->loop.call([&] {
            if (global->thread) global->thread->stop();
        });
        global->loop.call([&]() -> runtime::Task<void> {
            if (global->tasks) co_await global->tasks->join();
        });
        global->loop.call([&] {
            global->tasks.reset();
            global->thread.reset();
        });
        global.reset();
        global_state.reset();
    }

    void begin(Worker& worker, int index) {
        std::exception_ptr failed;
        worker.loop.call([&] {
            try {
                worker.tasks.emplace(worker.loop.loop());
                worker.thread = std::make_unique<StreamThread>(
                    ThreadParts{.context = worker.loop.context(),
                                .plan = plan,
                                .config = config,
                                .directory = *state_directory,
                                .global = global_state.get(),
                                .name = thread_name(config, index),
                                .restore_listener = restore_listener,
                                .state_changed = [this, &worker](ThreadState now) {
                                    thread_changed(worker, now);
                                }});
                // Another thread's failure may have come before.
                if (ending()) worker.thread->stop();
                worker.tasks->spawn(keep_running(worker));
            } catch (...) {
                failed = std::current_exception();
            }
        });
        if (failed) std::rethrow_exception(failed);
    }

    runtime::Task<void> keep_running(Worker& worker) {
        const Result<void> ended = co_await worker.thread->run();
        if (!ended) failed(ended.error());
        thread_changed(worker, ThreadState::dead);
    }

    // The application is as far as its threads.
    void thread_changed(Worker& worker, ThreadState now) {
        std::unique_lock lock(mutex);
        worker.state = now;
        if (state != State::rebalancing && state != State::running) {
            changed.notify_all();
            return;
        }
        bool all_run = true;
        for (const auto& other : workers) all_run &= other->state == ThreadState::running;
        set_state(lock, all_run ? State::running : State::rebalancing);
    }

    void failed(const Error& error) {
        {
            std::unique_lock lock(mutex);
            if (state == State::rebalancing || state == State::running)
                set_state(lock, State::pending_error);
        }
        // From one loop to the others: each stops by itself.
        for (const auto& worker : workers) worker->loop.loop().post_remote(*new Stop(*worker));
        if (on_failure) on_failure(error);
    }

    struct Stop final : runtime::Remote {
        explicit Stop(Worker& stopped) : worker(stopped) {}
        Worker& worker;
        void run() override {
            if (worker.thread) worker.thread->stop();
            delete this;
        }
        void drop() override { delete this; }
    };

    void set_state(std::unique_lock<std::mutex>& lock, State now) {
        const State before = std::exchange(state, now);
        changed.notify_all();
        if (before == now || !on_state) return;
        lock.unlock();
        on_state(now, before);
        lock.lock();
    }

    bool ending() const {
        const std::scoped_lock lock(mutex);
        return state == State::pending_error;
    }

    // Those that never began are no less so.
    bool all_dead() const {
        for (const auto& worker : workers)
            if (worker->thread && worker->state != ThreadState::dead) return false;
        return true;
    }

    bool close(std::chrono::milliseconds timeout) {
        bool failing = false;
        {
            std::unique_lock lock(mutex);
            if (state == State::not_running || state == State::error) return true;
            failing = state == State::pending_error;
            if (!failing) set_state(lock, State::pending_shutdown);
        }
        for (const auto& worker : workers)
            worker->loop.call([&] {
                if (worker->thread) worker->thread->stop();
            });
        bool in_time = true;
        {
            std::unique_lock lock(mutex);
            in_time = changed.wait_for(lock, timeout, [&] { return all_dead(); });
        }
        for (const auto& worker : workers) {
            worker->loop.call([&]() -> runtime::Task<void> {
                if (worker->tasks) co_await worker->tasks->join();
            });
            worker->loop.call([&] {
                worker->thread.reset();
                worker->tasks.reset();
            });
        }
        workers.clear();
        end_global();
        std::unique_lock lock(mutex);
        set_state(lock, failing ? State::error : State::not_running);
        return in_time;
    }

    int read_stores(Worker& worker, const std::string& name, const StoreReader& read) {
        int stores = 0;
        on_loop(worker.loop, [&] {
            if (!worker.thread) return;
            for (const TaskId& task : worker.thread->tasks()) {
                StateStore* const store = worker.thread->store(task, name);
                if (!store) continue;
                read(task, *store);
                ++stores;
            }
        });
        return stores;
    }

    int read_global(const std::string& name, const StoreReader& read) {
        on_loop(global->loop, [&] {
            const GlobalStores stores(*global_state, config);
            const TaskId nobody{-1, -1};
            read(nobody, *stores.stores().at(name));
        });
        return 1;
    }

    // Runs it there; what it throws is thrown here.
    static void on_loop(runtime::LoopThread& loop, const std::function<void()>& work) {
        std::exception_ptr failed;
        loop.call([&] {
            try {
                work();
            } catch (...) {
                failed = std::current_exception();
            }
        });
        if (failed) std::rethrow_exception(failed);
    }

    std::shared_ptr<const TopologyPlan> plan;
    StreamsConfig config;
    std::filesystem::path directory;
    std::unique_ptr<StateDirectory> state_directory;
    StateRestoreListener* restore_listener = nullptr;
    StateListener on_state;
    FailureListener on_failure;

    mutable std::mutex mutex;  // of state and of the workers' states
    std::condition_variable changed;
    State state = State::created;
    std::vector<std::unique_ptr<Worker>> workers;
    std::unique_ptr<GlobalState> global_state;
    std::unique_ptr<GlobalWorker> global;
};

std::string_view KafkaStreams::name(State state) {
    switch (state) {
        case State::created:
            return "CREATED";
        case State::rebalancing:
            return "REBALANCING";
        case State::running:
            return "RUNNING";
        case State::pending_shutdown:
            return "PENDING_SHUTDOWN";
        case State::not_running:
            return "NOT_RUNNING";
        case State::pending_error:
            return "PENDING_ERROR";
        case State::error:
            return "ERROR";
    }
    return "";
}

KafkaStreams::KafkaStreams(const Topology& topology, StreamsConfig config)
    : impl_(std::make_unique<Impl>(topology, std::move(config))) {}

KafkaStreams::~KafkaStreams() {
    close();
}

void KafkaStreams::set_state_listener(StateListener listener) {
    impl_->on_state = std::move(listener);
}

void KafkaStreams::set_failure_listener(FailureListener listener) {
    impl_->on_failure = std::move(listener);
}

void KafkaStreams::set_global_state_restore_listener(StateRestoreListener* listener) {
    impl_->restore_listener = listener;
}

void KafkaStreams::start() {
    {
        std::unique_lock lock(impl_->mutex);
        if (impl_->state != State::created)
            throw IllegalStateException("a streams application is started once");
        impl_->set_state(lock, State::rebalancing);
        for (int i = 0; i < impl_->config.num_stream_threads; ++i)
            impl_->workers.push_back(std::make_unique<Impl::Worker>());
    }
    impl_->begin_global();
    for (size_t i = 0; i < impl_->workers.size(); ++i)
        impl_->begin(*impl_->workers[i], static_cast<int>(i) + 1);
}

bool KafkaStreams::close(std::chrono::milliseconds timeout) {
    return impl_->close(timeout);
}

KafkaStreams::State KafkaStreams::state() const {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->state;
}

StreamThread::Counts KafkaStreams::counts() {
    StreamThread::Counts all;
    for (const auto& worker : impl_->workers) {
        const StreamThread::Counts one = worker->loop.call(
            [&] { return worker->thread ? worker->thread->counts() : StreamThread::Counts{}; });
        all.processed += one.processed;
        all.commits += one.commits;
        all.restored += one.restored;
    }
    return all;
}

int KafkaStreams::read_stores(const std::string& name, const StoreReader& read) {
    const auto known = impl_->plan->stores().find(name);
    if (known == impl_->plan->stores().end())
        throw InvalidStateStoreException(fmt::format("there is no state store {}", name));
    const State now = state();
    if (now != State::running && now != State::rebalancing)
        throw IllegalStateException("stores are read only while the application runs");
    if (known->second.global) return impl_->global ? impl_->read_global(name, read) : 0;
    int stores = 0;
    for (const auto& worker : impl_->workers) stores += impl_->read_stores(*worker, name, read);
    return stores;
}

void KafkaStreams::clean_up() {
    const State now = state();
    if (now != State::created && now != State::not_running && now != State::error)
        throw IllegalStateException("local state is deleted only while the application is stopped");
    for (const TaskId& task : impl_->state_directory->tasks()) impl_->state_directory->remove(task);
    impl_->state_directory->remove_global();
}

}  // namespace millrace::streams
