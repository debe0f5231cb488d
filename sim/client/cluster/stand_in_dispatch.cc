#include "sim/client/cluster/stand_in_dispatch.h"

#include "protocol/header.h"
#include "sim/client/cluster/stand_in_broker.h"
#include "sim/client/cluster/stand_in_groups.h"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using runtime::Task;

// The newest of an old cluster: before topic ids in Produce and Fetch, and before KIP-951.
int16_t offered_max(const protocol::ApiInfo& api, bool old) {
    if (!old) return api.stable_max();
    switch (api.key) {
        case ApiKey::produce:
            return 9;
        case ApiKey::fetch:
            return 12;
        case ApiKey::metadata:
            return 11;
        case ApiKey::offset_commit:
        case ApiKey::offset_fetch:
            return 8;
        case ApiKey::add_partitions_to_txn:
        case ApiKey::end_txn:
            return 3;
        case ApiKey::find_coordinator:
            return 3;
        case ApiKey::txn_offset_commit:
            return 3;
        default:
            return api.stable_max();
    }
}

constexpr ApiKey kServed[] = {ApiKey::produce,
                              ApiKey::fetch,
                              ApiKey::list_offsets,
                              ApiKey::metadata,
                              ApiKey::offset_commit,
                              ApiKey::offset_fetch,
                              ApiKey::find_coordinator,
                              ApiKey::join_group,
                              ApiKey::heartbeat,
                              ApiKey::leave_group,
                              ApiKey::sync_group,
                              ApiKey::api_versions,
                              ApiKey::init_producer_id,
                              ApiKey::offset_for_leader_epoch,
                              ApiKey::add_partitions_to_txn,
                              ApiKey::add_offsets_to_txn,
                              ApiKey::end_txn,
                              ApiKey::txn_offset_commit,
                              ApiKey::consumer_group_heartbeat};

class Connection : public net::FrameHandler {
public:
    explicit Connection(StandInBroker& broker) : broker_(broker) {}

    Task<Result<Chain>> handle(SharedBytes frame) override {
        ByteView body = frame.view;
        CO_TRY(const auto header, protocol::decode_request_header(body));
        const auto& faults = broker_.cluster().faults;
        Rng& rng = broker_.loop().rng();
        const Call call{.version = header.request_api_version,
                        .client_id = header.client_id ? header.client_id->str() : std::string{},
                        .received = broker_.loop().now()};
        co_await be_slow();
        const bool drop = rng.chance(faults.drop);
        if (drop && rng.chance(0.5)) co_return fail(ErrorCode::connection_closed);
        CO_TRY(auto answer, co_await dispatch(header, body, call));
        if (drop) co_return fail(ErrorCode::connection_closed);
        co_return std::move(answer);
    }

private:
    Task<void> be_slow() {
        runtime::Loop& loop = broker_.loop();
        const auto& faults = broker_.cluster().faults;
        if (loop.rng().chance(faults.slow))
            co_await loop.sleep_for(broker_.cluster().sim.between(Duration{0}, faults.slow_max));
        while (broker_.machine().paused_until > loop.now())
            co_await loop.sleep_until(broker_.machine().paused_until);
    }

    [[clang::coro_wrapper]] Task<Result<Chain>> dispatch(const protocol::RequestHeader& header,
                                                         ByteView body, const Call& call) {
        using B = StandInBroker;
        switch (static_cast<ApiKey>(header.request_api_key)) {
            case ApiKey::api_versions:
                return serve<protocol::ApiVersionsRequest>(&B::api_versions, header, body, call);
            case ApiKey::metadata:
                return serve<protocol::MetadataRequest>(&B::metadata, header, body, call);
            case ApiKey::produce:
                return serve<protocol::ProduceRequest>(&B::produce, header, body, call);
            case ApiKey::fetch:
                return serve<protocol::FetchRequest>(&B::fetch, header, body, call);
            case ApiKey::list_offsets:
                return serve<protocol::ListOffsetsRequest>(&B::list_offsets, header, body, call);
            case ApiKey::offset_for_leader_epoch:
                return serve<protocol::OffsetForLeaderEpochRequest>(&B::offset_for_leader_epoch,
                                                                    header, body, call);
            case ApiKey::find_coordinator:
                return serve<protocol::FindCoordinatorRequest>(&B::find_coordinator, header, body,
                                                               call);
            case ApiKey::init_producer_id:
                return serve<protocol::InitProducerIdRequest>(&B::init_producer_id, header, body,
                                                              call);
            case ApiKey::add_partitions_to_txn:
                return serve<protocol::AddPartitionsToTxnRequest>(&B::add_partitions_to_txn, header,
                                                                  body, call);
            case ApiKey::add_offsets_to_txn:
                return serve<protocol::AddOffsetsToTxnRequest>(&B::add_offsets_to_txn, header, body,
                                                               call);
            case ApiKey::end_txn:
                return serve<protocol::EndTxnRequest>(&B::end_txn, header, body, call);
            case ApiKey::txn_offset_commit:
                return serve<protocol::TxnOffsetCommitRequest>(&B::txn_offset_commit, header, body,
                                                               call);
            default:
                return dispatch_group(header, body, call);
        }
    }

    [[clang::coro_wrapper]] Task<Result<Chain>> dispatch_group(
        const protocol::RequestHeader& header, ByteView body, const Call& call) {
        switch (static_cast<ApiKey>(header.request_api_key)) {
            case ApiKey::join_group:
                return serve_group<protocol::JoinGroupRequest>(header, body, call);
            case ApiKey::sync_group:
                return serve_group<protocol::SyncGroupRequest>(header, body, call);
            case ApiKey::heartbeat:
                return serve_group<protocol::HeartbeatRequest>(header, body, call);
            case ApiKey::leave_group:
                return serve_group<protocol::LeaveGroupRequest>(header, body, call);
            case ApiKey::offset_commit:
                return serve_group<protocol::OffsetCommitRequest>(header, body, call);
            case ApiKey::offset_fetch:
                return serve_group<protocol::OffsetFetchRequest>(header, body, call);
            case ApiKey::consumer_group_heartbeat:
                return serve_group<protocol::ConsumerGroupHeartbeatRequest>(header, body, call);
            default:
                return unknown();
        }
    }

    static Task<Result<Chain>> unknown() {
        co_return fail(ErrorCode::unsupported_version, "not served by the stand-in");
    }

    template <typename Request, typename Handler>
    Task<Result<Chain>> serve(Handler handler, protocol::RequestHeader header, ByteView body,
                              const Call& call) {
        CO_TRY(const Request request, protocol::decode<Request>(body, call.version));
        auto response = co_await (broker_.*handler)(call, request);
        if constexpr (requires { response.throttle_time_ms; })
            response.throttle_time_ms = broker_.throttle();
        if constexpr (std::is_same_v<Request, protocol::ProduceRequest>)
            if (request.acks == 0) co_return Chain{};
        co_return protocol::encode_response_frame(header.correlation_id, response, call.version);
    }

    template <typename Request>
    Task<Result<Chain>> serve_group(protocol::RequestHeader header, ByteView body,
                                    const Call& call) {
        CO_TRY(const Request request, protocol::decode<Request>(body, call.version));
        const auto injected = broker_.inject(group_errors<Request>(), group_errors<Request>());
        auto response = failed_group(request, injected ? injected->code : ErrorCode::none);
        if (!injected || injected->perform) {
            auto done = co_await serve_group_request(broker_, call, request);
            if (!injected) response = std::move(done);
        }
        co_return protocol::encode_response_frame(header.correlation_id, response, call.version);
    }

    StandInBroker& broker_;
};

}  // namespace

Task<protocol::ApiVersionsResponse> StandInBroker::api_versions(
    const Call&, const protocol::ApiVersionsRequest&) {
    protocol::ApiVersionsResponse response;
    for (const ApiKey key : kServed) {
        const protocol::ApiInfo& api = protocol::api_info(key);
        response.api_keys.push_back({.api_key = static_cast<int16_t>(key),
                                     .min_version = api.version_min,
                                     .max_version = offered_max(api, cluster_.options().old)});
    }
    response.finalized_features_epoch = 1;
    if (cluster_.options().old) co_return response;
    auto& feature = response.finalized_features.emplace_back();
    feature.name = "transaction.version";
    feature.min_version_level = feature.max_version_level = cluster_.options().transaction_version;
    co_return response;
}

std::unique_ptr<net::FrameHandler> make_stand_in_connection(StandInBroker& broker) {
    return std::make_unique<Connection>(broker);
}

}  // namespace millrace::sim
