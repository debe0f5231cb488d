// WriteTxnMarkers: ends transactions in partitions of this node, for a coordinator elsewhere, or
// for a person who aborts one that hangs (KIP-664). Kafka: KafkaApis.handleWriteTxnMarkersRequest.

#include "broker/api/handlers.h"
#include "broker/transaction_host.h"

namespace millrace::broker::api {

Task<protocol::WriteTxnMarkersResponse> write_txn_markers(
    Broker& broker, RequestContext&, const protocol::WriteTxnMarkersRequest& request) {
    protocol::WriteTxnMarkersResponse response;
    for (const auto& wanted : request.markers) {
        const coordinator::Marker marker{.producer_id = wanted.producer_id,
                                         .producer_epoch = wanted.producer_epoch,
                                         .coordinator_epoch = wanted.coordinator_epoch,
                                         .commit = wanted.transaction_result,
                                         .transaction_version = wanted.transaction_version};
        auto& out = response.markers.emplace_back();
        out.producer_id = wanted.producer_id;
        for (const auto& topic : wanted.topics) {
            auto& results = out.topics.emplace_back();
            results.name = topic.name;
            for (const PartitionIndex index : topic.partition_indexes) {
                const ErrorCode error =
                    co_await write_marker(broker, {topic.name.str(), index}, marker);
                results.partitions.push_back({index, static_cast<int16_t>(error)});
            }
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
