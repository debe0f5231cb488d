// AlterReplicaLogDirs: moves this node's replicas between its log directories, in the background.
// Kafka: KafkaApis.handleAlterReplicaLogDirsRequest, ReplicaManager.alterReplicaLogDirs (KIP-113).

#include <map>

#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::AlterReplicaLogDirsResponse> alter_replica_log_dirs(
    Broker& broker, RequestContext&, const protocol::AlterReplicaLogDirsRequest& request) {
    std::map<std::string, std::vector<std::pair<PartitionIndex, ErrorCode>>> results;
    for (const auto& directory : request.dirs)
        for (const auto& topic : directory.topics)
            for (const PartitionIndex index : topic.partitions) {
                const auto found = broker.image()->topic(std::string_view{topic.name});
                const ErrorCode code =
                    co_await broker.directories().move(found, index, directory.path.view());
                results[topic.name.str()].emplace_back(index, code);
            }
    protocol::AlterReplicaLogDirsResponse response;
    for (const auto& [topic, partitions] : results) {
        auto& out = response.results.emplace_back();
        out.topic_name = protocol::Str{topic};
        for (const auto& [index, code] : partitions) {
            auto& answer = out.partitions.emplace_back();
            answer.partition_index = index;
            answer.error_code =
                static_cast<int16_t>(error_on_wire(code) ? code : ErrorCode::kafka_storage_error);
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
