// What metadata costs: creating topics, starting with many of them. On tmpfs (/dev/shm), so that
// the disk does not count.
#include <benchmark/benchmark.h>

#include "controller/format.h"
#include "controller/metadata_node.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"

namespace {

using namespace millrace;
using controller::MetadataNode;
using runtime::Task;

const std::string kDirectory = "/dev/shm/millrace_metadata_bench";

struct Machine {
    runtime::BlockingPool pool;
    runtime::LinuxLoop loop;
    runtime::LinuxDisk disk{pool};
    storage::Shard shard{disk, {}};
    std::shared_ptr<const config::BrokerConfig> config =
        std::make_shared<const config::BrokerConfig>(config::BrokerConfig::defaults());
};

Task<Result<std::unique_ptr<MetadataNode>>> boot(Machine& machine, int64_t previous_epoch) {
    CO_TRY(auto formatted,
           co_await controller::load_formatted(machine.disk, machine.loop.rng(), {kDirectory}, 1));
    controller::MetadataNodeOptions options;
    options.config = machine.config;
    options.cluster_id = formatted->cluster_id;
    options.metadata_log_dir = kDirectory;
    options.directory_id = formatted->directories[0].directory_id;
    options.incarnation_id = Uuid::random(machine.loop.rng());
    options.controller_endpoints = {{"CONTROLLER", "localhost", 9093}};
    CO_TRY(auto node, co_await MetadataNode::start(machine.disk, machine.shard, machine.loop,
                                                   std::move(options)));
    CO_TRY_OK(co_await node->register_this_broker({{"PLAINTEXT", "localhost", 9092, 0}},
                                                  {formatted->directories[0].directory_id},
                                                  previous_epoch));
    co_return std::move(node);
}

Task<Result<void>> format(Machine& machine) {
    CO_TRY_OK(co_await machine.disk.remove_all(kDirectory));
    controller::FormatOptions options;
    options.log_dirs = {kDirectory};
    options.metadata_log_dir = kDirectory;
    options.node_id = 1;
    options.cluster_id = "bench";
    options.controller_endpoints = {{"CONTROLLER", "localhost", 9093}};
    co_return co_await controller::format_directories(machine.disk, machine.loop.rng(),
                                                      std::move(options));
}

protocol::CreateTopicsRequest topics(int64_t round, int64_t count, int64_t partitions) {
    protocol::CreateTopicsRequest request;
    for (int64_t i = 0; i < count; ++i) {
        auto& topic = request.topics.emplace_back();
        topic.name = fmt::format("topic-{}-{}", round, i);
        topic.num_partitions = static_cast<int32_t>(partitions);
        topic.replication_factor = 1;
    }
    return request;
}

Task<Result<void>> create(MetadataNode& node, const protocol::CreateTopicsRequest& request) {
    CO_TRY(auto response, co_await node.create_topics(request, 7));
    if (response.topics[0].error_code != 0) co_return fail(ErrorCode::unknown_server_error);
    co_return {};
}

void must(const Result<void>& result) {
    if (!result) fmt::print("{}\n", result.error().describe());
}

// One request with 10,000 partitions, in so many topics.
void create_topics(benchmark::State& state) {
    Machine machine;
    must(machine.loop.run_for_result(format(machine)));
    auto node = *machine.loop.run_for_result(boot(machine, -1));
    int64_t round = 0;
    for (auto _ : state) {
        state.PauseTiming();
        const auto request = topics(round++, state.range(0), 10'000 / state.range(0));
        state.ResumeTiming();
        must(machine.loop.run_for_result(create(*node, request)));
    }
    must(machine.loop.run_for_result(node->stop()));
}
BENCHMARK(create_topics)
    ->Arg(1)
    ->Arg(1000)
    ->Arg(10'000)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(10);

// A start with so many thousand partitions, after a clean stop and after a crash.
void start(benchmark::State& state) {
    const bool clean = state.range(1) == 1;
    int64_t epoch = -1;
    {
        Machine machine;
        must(machine.loop.run_for_result(format(machine)));
        auto node = *machine.loop.run_for_result(boot(machine, -1));
        for (int64_t i = 0; i < state.range(0) / 10; ++i)
            must(machine.loop.run_for_result(create(*node, topics(i, 1000, 10))));
        epoch = node->image()->broker(1)->epoch;
        must(machine.loop.run_for_result(node->stop()));
    }
    for (auto _ : state) {
        Machine machine;
        auto node = *machine.loop.run_for_result(boot(machine, clean ? epoch : -1));
        epoch = node->image()->broker(1)->epoch;
        state.PauseTiming();
        must(machine.loop.run_for_result(node->stop()));
        node.reset();
        state.ResumeTiming();
    }
}
BENCHMARK(start)
    ->Args({10, 1})
    ->Args({10, 0})
    ->Args({100, 1})
    ->Args({100, 0})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);

}  // namespace
