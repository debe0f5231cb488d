#include "client/admin/quorum.h"

#include <fmt/format.h>

#include "client/admin.h"
#include "protocol/messages/add_raft_voter.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/remove_raft_voter.h"
#include "protocol/messages/unregister_broker.h"
#include "protocol/messages/update_features.h"

namespace millrace::client {

using protocol::Str;

std::string QuorumListener::text() const {
    return fmt::format("{}://{}:{}", name, host, port);
}

Offset QuorumDescription::leader_end() const {
    for (const QuorumMember& voter : voters)
        if (voter.id == leader) return voter.end;
    return -1;
}

runtime::Task<Result<QuorumDescription>> Admin::describe_quorum() {
    protocol::DescribeQuorumRequest request;
    request.topics.push_back({Str::borrow("__cluster_metadata"), {{0}}});
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    if (reply->topics.empty() || reply->topics[0].partitions.empty())
        co_return fail(ErrorCode::unknown_server_error, "the answer has no quorum in it");
    const auto& said = reply->topics[0].partitions[0];
    if (said.error_code != 0) co_return said_error(said.error_code, said.error_message);
    QuorumDescription out{.leader = said.leader_id,
                          .epoch = said.leader_epoch,
                          .high_watermark = said.high_watermark};
    const auto take = [&](const auto& states) {
        std::vector<QuorumMember> members;
        for (const auto& state : states) {
            QuorumMember& one = members.emplace_back();
            one.id = state.replica_id;
            one.directory = state.replica_directory_id;
            one.end = state.log_end_offset;
            one.last_fetch = state.last_fetch_timestamp;
            one.last_caught_up = state.last_caught_up_timestamp;
            for (const auto& node : reply->nodes)
                if (node.node_id == one.id)
                    for (const auto& listener : node.listeners)
                        one.listeners.push_back(
                            {listener.name.str(), listener.host.str(), listener.port});
        }
        return members;
    };
    out.voters = take(said.current_voters);
    out.observers = take(said.observers);
    co_return out;
}

runtime::Task<Result<void>> Admin::add_voter(NewVoter voter) {
    protocol::AddRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
    request.voter_id = voter.id;
    request.voter_directory_id = voter.directory;
    for (const QuorumListener& listener : voter.listeners)
        request.listeners.push_back(
            {Str::borrow(listener.name), Str::borrow(listener.host), listener.port});
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    co_return {};
}

runtime::Task<Result<void>> Admin::remove_voter(NodeId id, Uuid directory) {
    protocol::RemoveRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.voter_id = id;
    request.voter_directory_id = directory;
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    co_return {};
}

runtime::Task<Result<void>> Admin::unregister_broker(NodeId id) {
    protocol::UnregisterBrokerRequest request;
    request.broker_id = id;
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    co_return {};
}

runtime::Task<Result<FeaturesDescription>> Admin::describe_features() {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    const auto& known = cluster_.metadata().brokers();
    if (known.empty())
        co_return fail(ErrorCode::broker_not_available, "the cluster has no brokers");
    CO_TRY(const auto connection, co_await cluster_.connection(known.begin()->first, until));
    const ApiVersions& versions = connection->versions();
    FeaturesDescription out{.epoch = versions.finalized_epoch()};
    for (const auto& feature : versions.supported_features())
        out.features[feature.name] = {versions.finalized_level(feature.name), feature.min,
                                      feature.max};
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::update_features(
    std::vector<FeatureChange> changes, bool validate_only) {
    protocol::UpdateFeaturesRequest request;
    request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
    request.validate_only = validate_only;
    for (const FeatureChange& change : changes)
        request.feature_updates.push_back(
            {Str::borrow(change.name), change.level, false, static_cast<int8_t>(change.type)});
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<Outcome> out;
    for (const FeatureChange& change : changes)
        out.push_back({change.name, said_error(reply->error_code, reply->error_message)});
    for (const auto& result : reply->results)
        for (Outcome& outcome : out)
            if (outcome.name == std::string_view{result.feature} && result.error_code != 0)
                outcome.error = said_error(result.error_code, result.error_message);
    co_return out;
}

}  // namespace millrace::client
