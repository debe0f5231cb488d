// A client's view of its cluster, and the way to its brokers: what producer, consumer and admin
// stand on.
//
//   Cluster cluster{context, config};
//   CO_TRY(TopicPtr topic, co_await cluster.topic("orders", deadline));
//   CO_TRY(auto reply, co_await cluster.call(topic->leader(0), request, deadline));
//
// Metadata is fetched when it is needed, when somebody says that it is wrong (request_update), and
// when it is old; in one task, for all. Requests are not repeated here except where it says so: who
// knows what the request does, decides.
//
// Owner: whoever makes it; it must outlive all calls into it. Loop: the one of its context; nothing
// here is thread-safe. Bound: topics that are not used for metadata.max.idle.ms are forgotten.
// Kafka: NetworkClient, Metadata.
#pragma once

#include <map>
#include <set>

#include "client/answer_errors.h"
#include "client/brokers.h"
#include "client/metadata.h"
#include "client/metrics/loop_watch.h"
#include "runtime/scope.h"

namespace millrace::client {

// The numbers are FindCoordinator's key types.
enum class CoordinatorType : int8_t { group = 0, transaction = 1, share = 2 };

class Cluster {
public:
    Cluster(runtime::Context context, ClientConfig config);
    ~Cluster();
    Cluster(const Cluster&) = delete;

    const ClientConfig& config() const { return config_; }
    runtime::Loop& loop() const { return context_.loop; }
    const runtime::Context& context() const { return context_; }

    // One attempt, on the connection to that broker, with request.timeout.ms as its limit and
    // `deadline` if that is sooner. A connection that fails asks for new metadata. Errors:
    // those of Brokers::connection and BrokerConnection::call.
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call(NodeId node,
                                                                  const Request& request,
                                                                  runtime::TimePoint deadline,
                                                                  int16_t at_most = INT16_MAX,
                                                                  Lane lane = Lane::calls) {
        CO_TRY(const ConnectionPtr connection, co_await this->connection(node, deadline, lane));
        auto reply = co_await connection->call(request, request_deadline(deadline), at_most);
        if (!reply) note_failure(reply.error());
        if (config_.controllers && reply.code() == ErrorCode::unsupported_version)
            co_return not_for_controllers();
        co_return std::move(reply);
    }

    // To whichever broker is at hand, again with another one while none can be reached, until
    // `deadline`. For requests that may be repeated.
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call_any(const Request& request,
                                                                      runtime::TimePoint deadline,
                                                                      int16_t at_most = INT16_MAX) {
        for (int failures = 0;; ++failures) {
            CO_TRY(const NodeId node, co_await any(deadline));
            auto reply = co_await call(node, request, deadline, at_most);
            const Error last = config_.controllers ? controller_error(reply) : call_error(reply);
            if (last.code == ErrorCode::none) co_return std::move(reply);
            CO_TRY_OK(co_await pause(failures, deadline, last));
        }
    }

    // As call_any, to the controller as far as the metadata names one (any broker forwards). Again
    // also when the answer says that another one is active by now.
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call_controller(
        const Request& request, runtime::TimePoint deadline, int16_t at_most = INT16_MAX) {
        for (int failures = 0;; ++failures) {
            CO_TRY(const NodeId node, co_await controller(deadline));
            auto reply = co_await call(node, request, deadline, at_most);
            const Error last = controller_error(reply);
            if (last.code == ErrorCode::none) co_return std::move(reply);
            CO_TRY_OK(co_await pause(failures, deadline, last));
        }
    }

    runtime::Task<Result<ConnectionPtr>> connection(NodeId node, runtime::TimePoint deadline,
                                                    Lane lane = Lane::calls);

    // Who coordinates this group or transactional id; asked once and remembered until
    // forget_coordinator(). Repeats while there is none yet. Errors: deadline_exceeded, and what is
    // final: group_authorization_failed, invalid_group_id ...
    runtime::Task<Result<NodeId>> coordinator(CoordinatorType type, std::string key,
                                              runtime::TimePoint deadline);
    void forget_coordinator(CoordinatorType type, const std::string& key);

    const Metadata& metadata() const { return metadata_; }
    // Since the metadata is what it is.
    Duration metadata_age() const { return context_.loop.now() - last_success_; }
    // What went over this client's connections.
    const TrafficPtr& traffic() const { return brokers_.traffic(); }
    // Requests without an answer on these connections (coordinators' are others').
    size_t requests_in_flight() const { return brokers_.in_flight(); }
    // What its loop did meanwhile.
    const LoopWatch& loop_watch() const { return loop_watch_; }
    // What every client has: who it is, its connections and its loop. Group "<client>-metrics", left
    // open for more.
    MetricList metrics(const std::string& client) const;
    // Rings after each change of it.
    runtime::Signal& metadata_changed() { return changed_; }
    // What is known now, or nullptr; the topic is part of the metadata from now on.
    TopicPtr find_topic(std::string_view name);
    // Waits until the topic is known. Errors: unknown_topic_or_partition (still not there at the
    // deadline), deadline_exceeded, invalid_topic_exception, topic_authorization_failed.
    runtime::Task<Result<TopicPtr>> topic(std::string name, runtime::TimePoint deadline);
    // From now on the metadata has all topics (true: for patterns), or those that are used.
    void follow_all_topics(bool all);
    // What is known is wrong: asks again soon. Cheap, may be called often.
    void request_update();
    // Metadata that was asked for after this call. Errors: deadline_exceeded with the reason of the
    // last failed attempt; mismatched_endpoint_type, when brokers and controllers were mixed up.
    runtime::Task<Result<void>> update(runtime::TimePoint deadline);
    // A response named a newer leader (KIP-951), and where it listens.
    bool move_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch);

    // Waits the retry back-off after `failures` failed attempts. When the deadline comes before
    // that, the error of the last attempt, as deadline_exceeded.
    runtime::Task<Result<void>> pause(int failures, runtime::TimePoint deadline, const Error& last);
    runtime::TimePoint after(std::chrono::milliseconds patience) const {
        return context_.loop.now() + patience;
    }
    // Whether the request may not have reached a broker, or its answer not us.
    static bool network_error(ErrorCode code);

private:
    struct CoordinatorKey {
        CoordinatorType type;
        std::string key;
        auto operator<=>(const CoordinatorKey&) const = default;
    };

    // Why a call is worth another attempt; the code is none when it is not.
    template <typename Response>
    static Error call_error(const Result<Reply<Response>>& reply) {
        if (!reply && network_error(reply.code())) return reply.error();
        return {ErrorCode::none, {}};
    }
    template <typename Response>
    Error controller_error(const Result<Reply<Response>>& reply) {
        if (!reply) return call_error(reply);
        const auto moved = [this](ErrorCode code) {
            return code == ErrorCode::not_controller ||
                   (config_.controllers && code == ErrorCode::not_leader_or_follower);
        };
        if (!has_error(reply->body, moved)) return {ErrorCode::none, {}};
        request_update();
        return {ErrorCode::not_controller, "the node that was asked is not the active controller"};
    }

    runtime::TimePoint request_deadline(runtime::TimePoint deadline) const {
        return std::min(deadline, after(config_.request_timeout));
    }
    Result<NodeId> choose();
    // A node for call_any: whichever is at hand, or the controller that is active.
    runtime::Task<Result<NodeId>> any(runtime::TimePoint deadline);
    static Error not_for_controllers();
    runtime::Task<Result<NodeId>> controller(runtime::TimePoint deadline);
    void note_failure(const Error& error);
    runtime::Task<void> keep_metadata();
    runtime::Task<Result<void>> fetch_metadata();
    runtime::Task<Result<void>> fetch_controllers(ConnectionPtr connection,
                                                  runtime::TimePoint deadline);
    protocol::MetadataRequest metadata_request();
    void take_metadata(const protocol::MetadataResponse& said, bool whole);
    void forget_idle_topics();

    runtime::Context context_;
    const ClientConfig config_;
    const TimestampMs began_;
    LoopWatch loop_watch_;
    Brokers brokers_;
    Metadata metadata_;
    std::map<std::string, runtime::TimePoint, std::less<>> used_;  // topics; when last
    std::map<CoordinatorKey, NodeId> coordinators_;
    bool all_topics_ = false;
    // Counts what was asked for and what has come: `asked_` when an update is wanted, `served_`
    // what the last answer was an answer to.
    uint64_t asked_ = 0;
    uint64_t served_ = 0;
    runtime::Event update_wanted_;
    runtime::Signal changed_;
    std::optional<Error> last_failure_;
    // The addresses are of nodes that will never do: brokers instead of controllers, or the other
    // way round.
    std::optional<Error> wrong_nodes_;
    runtime::TimePoint last_success_;
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
