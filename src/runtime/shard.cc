#include "runtime/shard.h"

#include <thread>

namespace millrace::runtime {

Shards::Shards(size_t count, LinuxLoop::Options options) {
    INVARIANT(count > 0);
    Rng seeds{options.seed};
    for (size_t i = 0; i != count; ++i) {
        LinuxLoop::Options own = options;
        if (options.seed != 0) own.seed = seeds.next();
        loops_.push_back(std::make_unique<LinuxLoop>(own));
    }
}

Task<void> Shards::run_shard(const Body& body, size_t index) {
    co_await body(*loops_[index], index);
    if (running_.fetch_sub(1) == 1)
        for (size_t i = 0; i != size(); ++i) loops_[i]->post_remote(*endings_[i]);
    co_await endings_[index]->ended.wait();
}

void Shards::run(const Body& body) {
    endings_.clear();
    for (size_t i = 0; i != size(); ++i) endings_.push_back(std::make_unique<Ending>());
    running_ = size();
    std::vector<std::thread> threads;
    for (size_t i = 1; i != size(); ++i)
        threads.emplace_back([this, &body, i] { loops_[i]->run(run_shard(body, i)); });
    loops_[0]->run(run_shard(body, 0));
    for (std::thread& thread : threads) thread.join();
}

}  // namespace millrace::runtime
