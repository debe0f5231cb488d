#include "server/serve.h"

#include <csignal>

#include "base/log.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/process.h"
#include "server/node.h"

namespace millrace::server {
namespace {

constexpr size_t kBlockingThreads = 4;
// Of all descriptors the process may have, the part for segment files; the rest is for connections.
constexpr size_t kFileShare = 2;

// What a single node needs that Kafka's defaults for clusters do not give: the same values as in Kafka's own server.properties.
const char* const kSingleNodeDefaults[] = {
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
};

// The port given on the command line, on the host that the configuration names for clients (this machine if it names none).
std::string listeners_for(int port) {
    return fmt::format("listeners=PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}", port, port == 0 ? 0 : port + 1);
}

Result<config::BrokerConfig> load_config(runtime::Disk& disk, const ServeOptions& options) {
    std::string text;
    if (!options.config_file.empty()) {
        TRY(text, disk.read_file(options.config_file, 1u << 20));
    }
    for (const char* setting : kSingleNodeDefaults) {
        const std::string_view line{setting};
        const auto name = line.substr(0, line.find('='));
        if (text.find(name) == std::string::npos) text.insert(0, std::string{line} + "\n");
    }
    std::vector<std::string> settings;
    if (!options.directory.empty()) settings.push_back("log.dirs=" + options.directory);
    if (options.port) settings.push_back(listeners_for(*options.port));
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    TRY(auto loaded, config::BrokerConfig::load(text, options.config_file, settings));
    for (const std::string& warning : loaded.warnings) LOG_WARN("config", "{}", warning);
    return std::move(loaded.config);
}

runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals, Node& node) {
    const int signal = co_await signals.next();
    LOG_INFO("server", "signal {}: stopping", signal);
    node.stop();
}

runtime::Task<Result<void>> run_node(runtime::Context context, runtime::SignalWatch& signals,
                                     NodeOptions options) {
    const auto config = options.config;
    CO_TRY(const auto node, co_await Node::start(context, std::move(options)));
    const std::string directories = fmt::format("{}", fmt::join(config->log_dirs(), ", "));
    fmt::print("millrace: node {} of cluster {} listens on {}:{}, data in {}{}\n", config->node_id(), node->cluster_id(),
               node->host(), node->port(), directories, node->newly_formatted() ? " (newly formatted)" : "");
    std::fflush(stdout);
    runtime::DroppingScope scope{context.loop};
    scope.spawn(stop_on_signal(signals, *node));
    co_return co_await node->run();
}

}  // namespace

int serve(const ServeOptions& options) {
    log::set_sink([](log::Level level, std::string_view room, std::string_view message) {
        fmt::print(stderr, "{:5} {:<10} {}\n", log::level_name(level), room, message);
    });
    runtime::LinuxLoop loop;
    runtime::SignalWatch signals(loop, {SIGTERM, SIGINT});
    runtime::BlockingPool pool(kBlockingThreads);
    runtime::LinuxDisk disk(pool);
    runtime::LinuxNetwork network(loop, pool);
    auto config = load_config(disk, options);
    const auto fail_with = [](const Error& error) {
        fmt::print(stderr, "millrace: {}\n", error.message.empty() ? std::string{error_text(error.code)} : error.message);
        return 1;
    };
    if (!config) return fail_with(config.error());
    NodeOptions node{.config = std::make_shared<const config::BrokerConfig>(*std::move(config)),
                     .open_files_max = runtime::raise_descriptor_limit() / kFileShare};
    const auto ran = loop.run_for_result(run_node({loop, disk, network}, signals, std::move(node)));
    if (!ran) return fail_with(ran.error());
    return 0;
}

}  // namespace millrace::server
