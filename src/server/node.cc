#include "server/node.h"

#include "base/log.h"
#include "broker/client_connection.h"
#include "broker/group_host.h"
#include "controller/format.h"
#include "runtime/memory.h"
#include "server/metrics.h"

namespace millrace::server {
namespace {

// Receive buffers that wait for reuse: enough for a few dozen large requests in flight.
constexpr size_t kBuffersKeptMax = 16u << 20;
// Large requests in flight when queued.max.request.bytes leaves it open.
constexpr int64_t kRequestBytesMax = 64 << 20;
constexpr Duration kMaintenanceInterval = std::chrono::seconds(1);
constexpr uint64_t kLogsWorthReturning = 1000;
constexpr int16_t kPlaintext = 0;

config::Endpoint client_listener(const config::BrokerConfig& config) {
    for (const config::Endpoint& listener : config.listeners())
        if (!config.is_controller_listener(listener.listener)) return listener;
    return {};
}

// The address that this node tells clients to use.
config::Endpoint advertised(const config::BrokerConfig& config, const std::string& listener,
                            uint16_t port) {
    config::Endpoint endpoint;
    for (const config::Endpoint& candidate : config.advertised_listeners())
        if (candidate.listener == listener) endpoint = candidate;
    if (endpoint.port == 0) endpoint.port = port;
    if (endpoint.host.empty() || endpoint.host == "0.0.0.0") endpoint.host = "localhost";
    return endpoint;
}

net::BufferPool::Limits buffer_limits(const config::BrokerConfig& config) {
    const int64_t given = config.values().queued_request_bytes_max;
    return {.kept_bytes_max = kBuffersKeptMax,
            .request_bytes_max = static_cast<uint64_t>(given > 0 ? given : kRequestBytesMax)};
}

storage::CleanerConfig cleaner_config(const config::BrokerConfig& config) {
    const auto& values = config.values();
    return {.threads = static_cast<size_t>(values.log_cleaner_threads),
            .dedupe_buffer_bytes = static_cast<size_t>(values.log_cleaner_dedupe_buffer_bytes),
            .load_factor = values.log_cleaner_load_factor,
            .io_buffer_bytes = static_cast<size_t>(values.log_cleaner_io_buffer_bytes),
            .bytes_per_second_max = values.log_cleaner_bytes_per_second_max,
            .backoff_ms = values.log_cleaner_backoff_ms};
}

// A file that Apache Kafka's node ran with may ask for protection that is not there yet. To serve
// without it would open the data to everybody.
Result<void> check_protection(const config::BrokerConfig& config) {
    if (!config.string("authorizer.class.name").empty()) {
        return fail(ErrorCode::invalid_config,
                    "authorizer.class.name: there is no access control yet; take it out to serve "
                    "everybody who can connect (the ACLs are kept)");
    }
    const std::string served = client_listener(config).listener;
    for (const config::Endpoint& listener : config.listeners()) {
        if (config.is_controller_listener(listener.listener)) continue;
        if (listener.security_protocol != "PLAINTEXT") {
            return fail(ErrorCode::invalid_config,
                        fmt::format("listeners: {} is {}; only PLAINTEXT is served yet",
                                    listener.listener, listener.security_protocol));
        }
        if (listener.listener != served)
            LOG_WARN("server", "only the listener {} is served yet, not {}", served,
                     listener.listener);
    }
    return {};
}

}  // namespace

Node::Node(runtime::Context context, NodeOptions options)
    : context_(context),
      config_(std::move(options.config)),
      open_files_max_(options.open_files_max),
      buffers_(buffer_limits(*config_)),
      scope_(context.loop) {}

Node::~Node() = default;

runtime::Task<Result<std::unique_ptr<Node>>> Node::start(runtime::Context context,
                                                         NodeOptions options) {
    std::unique_ptr<Node> node(new Node(context, std::move(options)));
    CO_TRY_OK(check_protection(*node->config_));
    CO_TRY_OK(co_await node->open_directories());
    CO_TRY_OK(co_await node->start_metadata());
    CO_TRY_OK(co_await node->start_broker());
    co_return node;
}

runtime::Task<Result<void>> Node::open_directories() {
    const std::vector<std::string> directories = config_->log_dirs();
    auto& rng = context_.loop.rng();
    CO_TRY(auto formatted, co_await controller::load_formatted(context_.disk, rng, directories,
                                                               config_->node_id()));
    if (!formatted) {
        controller::FormatOptions options;
        options.log_dirs = directories;
        options.metadata_log_dir = config_->metadata_log_dir();
        options.node_id = config_->node_id();
        options.cluster_id = Uuid::random(rng).to_string();
        options.controller_endpoints = controller::controller_endpoints(*config_);
        options.now = context_.loop.wall_ms();
        CO_TRY_OK(co_await controller::format_directories(context_.disk, rng, std::move(options)));
        newly_formatted_ = true;
        CO_TRY(formatted, co_await controller::load_formatted(context_.disk, rng, directories,
                                                              config_->node_id()));
    }
    cluster_id_ = formatted->cluster_id;
    for (const auto& directory : formatted->directories)
        if (directory.path == config_->metadata_log_dir())
            metadata_directory_id_ = directory.directory_id;

    storage::LogManagerConfig logs;
    logs.directories = directories;
    logs.open_files_max = open_files_max_;
    logs.retention_check_ms = config_->values().log_retention_check_interval_ms;
    logs.checkpoint_ms = config_->values().log_recovery_checkpoint_interval_ms;
    logs.producer_id_expiration_ms = config_->values().producer_id_expiration_ms;
    logs.journal_bytes = static_cast<uint64_t>(config_->int64("millrace.journal.bytes"));
    logs.delete_delay_ms = config_->int64("log.segment.delete.delay.ms");
    logs.idle_ms = config_->int64("millrace.log.idle.ms");
    logs.disk_reserve_bytes = config_->int64("millrace.disk.reserve.bytes");
    CO_TRY(logs_,
           co_await storage::LogManager::start(
               context_.disk, rng, std::move(logs),
               [this](const std::string& topic) { return broker_->partitions().log_config(topic); },
               context_.loop.wall_ms()));
    for (const auto& directory : logs_->directories())
        if (directory.failed() && directory.path == config_->metadata_log_dir())
            co_return fail(ErrorCode::kafka_storage_error,
                           directory.path + " holds the metadata log: " + directory.failure);
    co_return {};
}

runtime::Task<Result<void>> Node::start_metadata() {
    controller::MetadataNodeOptions options;
    options.config = config_;
    options.cluster_id = cluster_id_;
    options.metadata_log_dir = config_->metadata_log_dir();
    options.directory_id = metadata_directory_id_;
    options.incarnation_id = Uuid::random(context_.loop.rng());
    options.controller_endpoints = controller::controller_endpoints(*config_);
    CO_TRY(metadata_, co_await controller::MetadataNode::start(context_.disk, logs_->shard(),
                                                               context_.loop, std::move(options)));
    co_return {};
}

Result<void> Node::listen() {
    const config::Endpoint listener = client_listener(*config_);
    const net::ConnectionLimits limits{
        .frame_bytes_max = static_cast<size_t>(config_->values().socket_request_bytes_max),
        .idle_max = std::chrono::milliseconds(config_->values().connections_idle_ms_max)};
    server_ = std::make_unique<net::Server>(
        context_.loop, buffers_, limits, static_cast<size_t>(config_->values().connections_max),
        [this](const std::string& peer) {
            return std::make_unique<broker::ClientConnection>(*broker_, peer);
        });
    host_ = listener.host.empty() ? "0.0.0.0" : listener.host;
    return server_->listen(context_.network, listener.host, static_cast<uint16_t>(listener.port));
}

Result<void> Node::listen_http() {
    const auto port = static_cast<uint16_t>(config_->values().metrics_port);
    if (port == 0) return {};
    http_ = std::make_unique<net::HttpServer>(context_.loop, net::HttpServer::Limits{});
    add_pages(*http_, {*broker_, *server_, *logs_, *cleaner_});
    return http_->listen(context_.network, config_->string("millrace.metrics.host"), port);
}

std::optional<uint16_t> Node::metrics_port() const {
    if (!http_) return std::nullopt;
    return http_->port();
}

runtime::Task<Result<void>> Node::start_broker() {
    CO_TRY_OK(listen());
    const std::string listener = client_listener(*config_).listener;
    groups_ = std::make_unique<group::GroupCoordinator>(
        context_.loop, broker::group_config(*config_),
        broker::cluster_view(metadata_->image(), config_));
    transactions_ = std::make_unique<transaction::TransactionCoordinator>(
        context_.loop, broker::transaction_config(*config_));
    broker_ =
        std::make_unique<broker::Broker>(broker::Broker::Parts{context_.loop, *logs_, *metadata_,
                                                               *groups_, *transactions_, metrics_},
                                         config_, cluster_id_, listener);
    transaction_host_ = std::make_unique<broker::TransactionHost>(*broker_);
    transactions_->connect(*transaction_host_);
    groups_loader_ = std::make_unique<broker::CoordinatorHost>(
        context_.loop, std::string{broker::kOffsetsTopic}, *groups_, broker_->partitions());
    transactions_loader_ = std::make_unique<broker::CoordinatorHost>(
        context_.loop, std::string{broker::kTransactionsTopic}, *transactions_,
        broker_->partitions());
    cleaner_ = std::make_unique<storage::Cleaner>(context_.loop, context_.workers, *logs_, [this] {
        return cleaner_config(broker_->config());
    });
    logs_->set_holder(
        [this](const TopicPartition& name) { return broker_->partitions().let_go(name); });
    broker_->start(metadata_->image());
    metadata_->set_listener([this](const metadata::ImagePtr& image, const metadata::Delta& delta) {
        broker_->on_image(image, delta);
        broker::follow_image(*groups_, image, delta, broker_->config_ptr());
        broker::follow_image(*transactions_, image);
        groups_loader_->on_image(image, delta);
        transactions_loader_->on_image(image, delta);
    });

    const config::Endpoint told = advertised(*config_, listener, server_->port());
    std::vector<Uuid> directories;
    int64_t previous_epoch = INT64_MAX;
    for (const auto& directory : logs_->directories()) {
        if (!directory.failed() && directory.meta.directory_id)
            directories.push_back(*directory.meta.directory_id);
        if (!directory.failed()) previous_epoch = std::min(previous_epoch, directory.broker_epoch);
    }
    CO_TRY(broker_epoch_,
           co_await metadata_->register_this_broker({{.listener = listener,
                                                      .host = told.host,
                                                      .port = static_cast<uint16_t>(told.port),
                                                      .security_protocol = kPlaintext}},
                                                    std::move(directories), previous_epoch));
    groups_->on_metadata_changed(broker::cluster_view(metadata_->image(), broker_->config_ptr()));
    broker::follow_image(*transactions_, metadata_->image());
    groups_loader_->start(metadata_->image());
    transactions_loader_->start(metadata_->image());
    co_return listen_http();
}

runtime::Task<void> Node::maintain() {
    while (!co_await stop_wanted_.wait_until(context_.loop,
                                             context_.loop.now() + kMaintenanceInterval)) {
        const uint64_t before = logs_->logs_put_away();
        co_await logs_->maintain(context_.loop.wall_ms());
        // At the end of a wave of closed logs.
        const uint64_t now = logs_->logs_put_away();
        if (now == before && now - memory_returned_at_ >= kLogsWorthReturning) {
            memory_returned_at_ = now;
            runtime::return_free_memory();
        }
        if (const Error* failed = metadata_->failed()) {
            LOG_ERROR("server", "the metadata log failed, stopping: {}", failed->describe());
            stop_wanted_.set();
        }
        for (const auto& directory : logs_->directories()) {
            if (!directory.failed() || directory.path != config_->metadata_log_dir()) continue;
            LOG_ERROR("server", "{} holds the metadata log and has failed, stopping",
                      directory.path);
            stop_wanted_.set();
        }
    }
}

runtime::Task<Result<void>> Node::run() {
    scope_.spawn(server_->run());
    scope_.spawn(metadata_->run());
    scope_.spawn(groups_->run());
    scope_.spawn(transactions_->run());
    scope_.spawn(maintain());
    if (config_->values().log_cleaner) scope_.spawn(cleaner_->run());
    scope_.spawn(broker_->directories().run());
    if (http_) scope_.spawn(http_->run());
    co_await stop_wanted_.wait();
    co_return co_await close();
}

// Clients first, so that nothing new comes; then what they waited for; the logs last.
runtime::Task<Result<void>> Node::close() {
    server_->stop();
    if (http_) http_->stop();
    cleaner_->stop();
    broker_->stop();
    // No new markers; those under way still need the groups.
    transactions_->stop();
    co_await transactions_loader_->stop();
    co_await groups_loader_->stop();
    groups_->stop();
    co_await broker_->directories().stop();
    const auto stopped = co_await metadata_->stop();
    co_await scope_.join();
    CO_TRY_OK(stopped);
    groups_loader_.reset();
    transactions_loader_.reset();
    // A log that nobody touched since an unclean stop is recovered now, for which it asks the
    // broker for its configuration.
    auto logs_stopped = co_await logs_->stop(broker_epoch_, context_.loop.wall_ms());
    broker_.reset();
    co_return logs_stopped;
}

}  // namespace millrace::server
