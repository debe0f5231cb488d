#include "client/cluster.h"

#include <fmt/format.h>

#include "client/admin/outcome.h"
#include "client/backoff.h"
#include "client/metrics/app_info.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/find_coordinator.h"

namespace millrace::client {
namespace {

// How often idle connections and topics are looked for.
constexpr Duration kTidyEvery = std::chrono::seconds(30);

// DescribeCluster's number.
constexpr int8_t kControllerEndpoints = 2;

// A topic that the next metadata may have.
bool may_appear(ErrorCode code) {
    return code == ErrorCode::none || code == ErrorCode::unknown_topic_or_partition ||
           error_retriable(code);
}

}  // namespace

Cluster::Cluster(runtime::Context context, ClientConfig config)
    : context_(context),
      config_(std::move(config)),
      began_(context.loop.wall_ms()),
      loop_watch_(context.loop),
      brokers_(context, config_),
      last_success_(context.loop.now()),
      tasks_(context.loop) {
    tasks_.spawn(keep_metadata());
}

Cluster::~Cluster() {
    brokers_.close_all();
}

bool Cluster::network_error(ErrorCode code) {
    switch (code) {
        case ErrorCode::connection_closed:
        case ErrorCode::io_error:
        case ErrorCode::request_timed_out:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::broker_not_available:
            return true;
        default:
            return false;
    }
}

runtime::Task<Result<ConnectionPtr>> Cluster::connection(NodeId node, runtime::TimePoint deadline,
                                                         Lane lane) {
    auto connection = co_await brokers_.connection(node, lane, deadline);
    if (!connection) note_failure(connection.error());
    co_return std::move(connection);
}

void Cluster::note_failure(const Error& error) {
    if (network_error(error.code)) request_update();
}

Result<NodeId> Cluster::choose() {
    const auto node = brokers_.least_loaded();
    if (!node) return fail(ErrorCode::broker_not_available, "the cluster has no brokers");
    return *node;
}

Error Cluster::not_for_controllers() {
    return fail(ErrorCode::unsupported_endpoint_type,
                "This Admin API is not yet supported when communicating directly with the "
                "controller quorum.");
}

runtime::Task<Result<NodeId>> Cluster::any(runtime::TimePoint deadline) {
    if (!config_.controllers) co_return choose();
    co_return co_await controller(deadline);
}

runtime::Task<Result<NodeId>> Cluster::controller(runtime::TimePoint deadline) {
    if (metadata_.brokers().empty()) CO_TRY_OK(co_await update(deadline));
    if (brokers_.address(metadata_.controller())) co_return metadata_.controller();
    co_return choose();
}

runtime::Task<Result<void>> Cluster::pause(int failures, runtime::TimePoint deadline,
                                           const Error& last) {
    const auto until =
        context_.loop.now() +
        backoff(config_.retry_backoff, config_.retry_backoff_max, failures, context_.loop.rng());
    if (until >= deadline)
        co_return fail(ErrorCode::deadline_exceeded,
                       fmt::format("no answer in time; the last attempt: {}", last.describe()));
    co_await context_.loop.sleep_until(until);
    co_return {};
}

MetricList Cluster::metrics(const std::string& client) const {
    MetricList out("app-info");
    add_app_info(out, began_);
    add_traffic(out, client, *traffic(), context_.loop.now());
    out.begin_group(client + "-metrics");
    loop_watch_.add(out);
    return out;
}

// Coordinators

runtime::Task<Result<NodeId>> Cluster::coordinator(CoordinatorType type, std::string key,
                                                   runtime::TimePoint deadline) {
    const CoordinatorKey place{type, key};
    if (const auto known = coordinators_.find(place); known != coordinators_.end()) {
        if (brokers_.address(known->second)) co_return known->second;
        coordinators_.erase(known);
    }
    for (int failures = 0;; ++failures) {
        protocol::FindCoordinatorRequest request;
        request.key = protocol::Str::borrow(key);
        request.key_type = static_cast<int8_t>(type);
        request.coordinator_keys = {protocol::Str::borrow(key)};
        // Before version 4 one key, outside the array.
        constexpr int16_t kManyKeys = 4;
        CO_TRY(const NodeId asked, choose());
        Error last = fail(ErrorCode::none);
        auto connection = co_await this->connection(asked, deadline);
        if (connection) {
            CO_TRY(const int16_t version,
                   (*connection)->versions().pick(protocol::ApiKey::find_coordinator));
            if (version >= kManyKeys)
                request.key = {};
            else
                request.coordinator_keys.clear();
            auto reply = co_await (*connection)->call(request, request_deadline(deadline));
            if (reply) {
                const bool many = version >= kManyKeys && !(*reply)->coordinators.empty();
                const auto code = static_cast<ErrorCode>(many ? (*reply)->coordinators[0].error_code
                                                              : (*reply)->error_code);
                const NodeId node = many ? (*reply)->coordinators[0].node_id : (*reply)->node_id;
                const auto& said =
                    many ? (*reply)->coordinators[0].error_message : (*reply)->error_message;
                last = fail(code, said ? said->str() : std::string());
                if (code == ErrorCode::none && brokers_.address(node)) {
                    coordinators_[place] = node;
                    co_return node;
                }
                if (code != ErrorCode::none && !error_retriable(code)) co_return last;
                if (code == ErrorCode::none) request_update();  // a broker that is new to us
            } else {
                last = reply.error();
                note_failure(last);
            }
        } else {
            last = connection.error();
        }
        if (last.code != ErrorCode::none && !error_retriable(last.code) &&
            !network_error(last.code))
            co_return last;
        CO_TRY_OK(co_await pause(failures, deadline, last));
    }
}

void Cluster::forget_coordinator(CoordinatorType type, const std::string& key) {
    coordinators_.erase({type, key});
}

// Metadata

TopicPtr Cluster::find_topic(std::string_view name) {
    const auto known = used_.find(name);
    if (known != used_.end()) {
        known->second = context_.loop.now();
    } else {
        used_.emplace(name, context_.loop.now());
        if (!metadata_.topic(name)) request_update();
    }
    return metadata_.topic(name);
}

runtime::Task<Result<TopicPtr>> Cluster::topic(std::string name, runtime::TimePoint deadline) {
    for (int attempts = 0;; ++attempts) {
        if (TopicPtr known = find_topic(name)) co_return known;
        const ErrorCode said = metadata_.error(name);
        if (attempts > 0 && !may_appear(said))
            co_return fail(said, fmt::format("topic '{}'", name));
        if (attempts > 0 && said != ErrorCode::none) {
            if (auto waited = co_await pause(attempts - 1, deadline, fail(said)); !waited)
                co_return fail(said, fmt::format("topic '{}' is not there", name));
        }
        CO_TRY_OK(co_await update(deadline));
    }
}

void Cluster::follow_all_topics(bool all) {
    if (std::exchange(all_topics_, all) != all) request_update();
}

void Cluster::request_update() {
    if (asked_ == served_) ++asked_;
    update_wanted_.set();
}

runtime::Task<Result<void>> Cluster::update(runtime::TimePoint deadline) {
    // An answer that is under way may be to a question of before.
    const uint64_t wanted = ++asked_;
    update_wanted_.set();
    runtime::Subscriber waiting{context_.loop};
    waiting.subscribe(changed_);
    while (served_ < wanted) {
        if (wrong_nodes_) co_return *wrong_nodes_;
        if (!co_await waiting.wait_until(deadline))
            co_return fail(ErrorCode::deadline_exceeded, last_failure_
                                                             ? last_failure_->message.empty()
                                                                   ? last_failure_->describe()
                                                                   : last_failure_->message
                                                             : "no broker answered in time");
    }
    co_return {};
}

bool Cluster::move_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch) {
    if (!metadata_.move_leader(partition, leader, epoch)) return false;
    changed_.notify();
    return true;
}

runtime::Task<void> Cluster::keep_metadata() {
    runtime::Loop& loop = context_.loop;
    int failures = 0;
    for (;;) {
        while (asked_ == served_) {
            update_wanted_.reset();
            const auto old = last_success_ + config_.metadata_max_age;
            // Nobody needs any before the first question.
            const auto until =
                served_ == 0
                    ? runtime::kNever
                    : std::min(
                          old,
                          after(std::chrono::duration_cast<std::chrono::milliseconds>(kTidyEvery)));
            co_await update_wanted_.wait_until(loop, until);
            loop_watch_.look();
            brokers_.close_idle();
            forget_idle_topics();
            if (served_ != 0 && loop.now() >= old) request_update();
        }
        const uint64_t serving = asked_;
        if (const auto fetched = co_await fetch_metadata(); fetched) {
            last_failure_.reset();
            served_ = serving;
            last_success_ = loop.now();
            failures = 0;
            changed_.notify();
            // Not more often than this, however often it is asked for.
            co_await loop.sleep_for(config_.retry_backoff);
        } else {
            last_failure_ = fetched.error();
            if (fetched.code() == ErrorCode::mismatched_endpoint_type) {
                wrong_nodes_ = fetched.error();
                changed_.notify();
            }
            const bool lost = loop.now() - last_success_ >= config_.rebootstrap_trigger ||
                              fetched.code() == ErrorCode::rebootstrap_required;
            if (config_.rebootstrap && lost && !brokers_.bootstrapping()) {
                brokers_.forget();
                coordinators_.clear();
                last_success_ = loop.now();
            }
            co_await loop.sleep_for(
                backoff(config_.retry_backoff, config_.retry_backoff_max, failures++, loop.rng()));
        }
    }
}

runtime::Task<Result<void>> Cluster::fetch_metadata() {
    CO_TRY(const NodeId node, choose());
    const auto deadline = after(config_.request_timeout);
    CO_TRY(const ConnectionPtr connection,
           co_await brokers_.connection(node, Lane::calls, deadline));
    if (config_.controllers) co_return co_await fetch_controllers(connection, deadline);
    if (!connection->versions().serves(protocol::ApiKey::metadata))
        co_return fail(ErrorCode::mismatched_endpoint_type, "The node does not support METADATA");
    const bool whole = all_topics_;
    const protocol::MetadataRequest request = metadata_request();
    CO_TRY(const auto reply, co_await connection->call(request, deadline));
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code);
    if (reply->brokers.empty())
        co_return fail(ErrorCode::broker_not_available, "the cluster names no brokers");
    take_metadata(reply.body, whole);
    co_return {};
}

runtime::Task<Result<void>> Cluster::fetch_controllers(ConnectionPtr connection,
                                                       runtime::TimePoint deadline) {
    constexpr int16_t kEndpointTypes = 1;
    CO_TRY(const int16_t version, connection->versions().pick(protocol::ApiKey::describe_cluster));
    if (version < kEndpointTypes)
        co_return fail(ErrorCode::mismatched_endpoint_type,
                       "The node is too old to tell whether it is a controller");
    protocol::DescribeClusterRequest request;
    request.endpoint_type = kControllerEndpoints;
    CO_TRY(const auto reply, co_await connection->call(request, deadline));
    const auto code = static_cast<ErrorCode>(reply->error_code);
    if (code != ErrorCode::none) co_return said_error(reply->error_code, reply->error_message);
    if (reply->brokers.empty())
        co_return fail(ErrorCode::broker_not_available, "the cluster names no controllers");
    protocol::MetadataResponse said;
    said.cluster_id = reply->cluster_id;
    said.controller_id = reply->controller_id;
    for (const auto& node : reply->brokers)
        said.brokers.push_back({node.broker_id, node.host, node.port, node.rack});
    take_metadata(said, false);
    co_return {};
}

protocol::MetadataRequest Cluster::metadata_request() {
    protocol::MetadataRequest request;
    request.allow_auto_topic_creation = config_.auto_create_topics;
    if (all_topics_) {
        request.topics.reset();
        return request;
    }
    for (const auto& [name, when] : used_) request.topics->push_back({.name = protocol::Str(name)});
    return request;
}

void Cluster::take_metadata(const protocol::MetadataResponse& said, bool whole) {
    metadata_.apply(said, whole);
    std::map<NodeId, Address> addresses;
    for (const auto& [id, broker] : metadata_.brokers()) addresses.emplace(id, broker.address);
    brokers_.replace(addresses);
}

void Cluster::forget_idle_topics() {
    const auto since = context_.loop.now() - config_.metadata_max_idle;
    std::erase_if(used_, [&](const auto& entry) {
        if (entry.second >= since) return false;
        if (!all_topics_) metadata_.remove(entry.first);
        return true;
    });
}

}  // namespace millrace::client
