#include "server/serve.h"

#include <csignal>

#include "base/log.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/process.h"
#include "runtime/stderr_sink.h"
#include "server/log_output.h"
#include "server/node.h"

namespace millrace::server {
namespace {

constexpr size_t kBlockingThreads = 4;
// Of all descriptors the process may have, the part for segment files; the rest is for connections.
constexpr size_t kFileShare = 2;

// What a single node needs that Kafka's defaults for clusters do not give: the same values as in
// Kafka's own server.properties.
const std::vector<std::string> kSingleNodeDefaults = {
    "offsets.topic.replication.factor=1",      "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",         "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
};

// The port given on the command line, on the host that the configuration names for clients (this
// machine if it names none).
std::string listeners_for(int port) {
    return fmt::format("listeners=PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}", port,
                       port == 0 ? 0 : port + 1);
}

Result<config::BrokerConfig::Loaded> load_config(runtime::Disk& disk, const ServeOptions& options) {
    std::string text;
    if (!options.config_file.empty()) {
        TRY(text, disk.read_file(options.config_file, 1u << 20));
    }
    std::vector<std::string> settings;
    if (!options.directory.empty()) settings.push_back("log.dirs=" + options.directory);
    if (options.port) settings.push_back(listeners_for(*options.port));
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    return config::BrokerConfig::load(text, options.config_file, settings, kSingleNodeDefaults);
}

// What the configuration says about the log; until then it is text on standard error.
void set_up_log(const config::BrokerConfig& config) {
    const bool json = config.string("millrace.log.format") == "json";
    log::set_sink(log_sink(json ? LogFormat::json : LogFormat::text, runtime::system_wall_ms,
                           runtime::write_stderr));
    log::set_level(log_level_named(config.string("millrace.log.level")));
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
    fmt::print("millrace: node {} of cluster {} listens on {}:{}, data in {}{}\n",
               config->node_id(), node->cluster_id(), node->host(), node->port(), directories,
               node->newly_formatted() ? " (newly formatted)" : "");
    if (const auto port = node->metrics_port()) {
        fmt::print("millrace: metrics on http://{}:{}/metrics\n",
                   config->string("millrace.metrics.host"), *port);
    }
    std::fflush(stdout);
    runtime::DroppingScope scope{context.loop};
    scope.spawn(stop_on_signal(signals, *node));
    co_return co_await node->run();
}

// Kafka's default for both buffers is 100 KiB, which costs a quarter more CPU a byte (docs/
// configuration.md): only what somebody says is taken.
constexpr int32_t kSendBufferBytes = 256 << 10;

int32_t said_or(const config::BrokerConfig& config, std::string_view name, int32_t otherwise) {
    return config.said(name) ? config.int32(name) : otherwise;
}

}  // namespace

int serve(const ServeOptions& options) {
    log::set_sink(log_sink(LogFormat::text, runtime::system_wall_ms, runtime::write_stderr));
    runtime::LinuxLoop loop;
    runtime::SignalWatch signals(loop, {SIGTERM, SIGINT});
    runtime::BlockingPool pool(kBlockingThreads);
    runtime::LinuxDisk disk(pool);
    runtime::LinuxWorkers workers(pool);
    auto loaded = load_config(disk, options);
    const auto fail_with = [](const Error& error) {
        fmt::print(stderr, "millrace: {}\n",
                   error.message.empty() ? std::string{error_text(error.code)} : error.message);
        return 1;
    };
    if (!loaded) return fail_with(loaded.error());
    set_up_log(loaded->config);
    for (const std::string& warning : loaded->warnings) LOG_WARN("config", "{}", warning);
    runtime::LinuxNetwork network(
        loop, pool,
        {.send_buffer_bytes = said_or(loaded->config, "socket.send.buffer.bytes", kSendBufferBytes),
         .receive_buffer_bytes = said_or(loaded->config, "socket.receive.buffer.bytes", -1)});
    NodeOptions node{
        .config = std::make_shared<const config::BrokerConfig>(std::move(loaded->config)),
        .open_files_max = runtime::raise_descriptor_limit() / kFileShare};
    const auto ran =
        loop.run_for_result(run_node({loop, disk, network, workers}, signals, std::move(node)));
    if (!ran) return fail_with(ran.error());
    return 0;
}

}  // namespace millrace::server
