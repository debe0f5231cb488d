// DescribeLogDirs: the log directories, what lies in them and how much room they have.
// Kafka: KafkaApis.handleDescribeLogDirsRequest, ReplicaManager.describeLogDirs (KIP-113, KIP-827,
// KIP-1066).

#include <algorithm>
#include <map>
#include <set>

#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;
using Rows = std::vector<DescribeLogDirsResponse::DescribeLogDirsPartition>;
using Topics = std::map<std::string, Rows>;

constexpr size_t kPartitionsPerTurn = 256;

// The partitions that are asked for and exist, of one topic; all of them when `wanted` is null.
std::vector<PartitionIndex> indexes(const metadata::Topic& topic,
                                    const std::vector<int32_t>* wanted) {
    std::vector<PartitionIndex> out;
    for (PartitionIndex i = 0; i < static_cast<PartitionIndex>(topic.partitions.size()); ++i)
        if (topic.partition(i) && (!wanted || std::ranges::find(*wanted, i) != wanted->end()))
            out.push_back(i);
    return out;
}

// Where the partition is (or will be made), and its copy if it is being moved.
void describe(Broker& broker, const metadata::Topic& topic, PartitionIndex index,
              std::vector<Topics>& directories) {
    storage::LogManager& logs = broker.partitions().logs();
    const TopicPartition name{topic.name, index};
    const auto at = broker.directories().place(topic, index, *topic.partition(index));
    if (!at) return;
    auto& row = directories[*at][topic.name].emplace_back();
    row.partition_index = index;
    row.partition_size = static_cast<int64_t>(logs.size_bytes(name));
    const storage::Log* log = logs.find(name);
    if (log) row.offset_lag = std::max<Offset>(0, log->high_watermark() - log->end_offset());
    const auto future = logs.future(name);
    if (!future || logs.directories()[future->directory].failed()) return;
    auto& copy = directories[future->directory][topic.name].emplace_back();
    copy.partition_index = index;
    copy.is_future_key = true;
    if (!future->log || !log) return;
    copy.partition_size = static_cast<int64_t>(future->log->size_bytes());
    copy.offset_lag = std::max<Offset>(0, log->end_offset() - future->log->end_offset());
}

Task<void> describe_all(Broker& broker, const DescribeLogDirsRequest& request,
                        std::vector<Topics>& directories) {
    const metadata::ImagePtr image = broker.image();
    std::vector<std::pair<metadata::TopicPtr, const std::vector<int32_t>*>> wanted;
    if (request.topics) {
        for (const auto& topic : *request.topics)
            if (auto found = image->topic(std::string_view{topic.topic}))
                wanted.emplace_back(std::move(found), &topic.partitions);
    } else {
        image->topics_by_name.for_each(
            [&](const metadata::TopicPtr& topic) { wanted.emplace_back(topic, nullptr); });
    }
    size_t seen = 0;
    for (const auto& [topic, partitions] : wanted)
        for (const PartitionIndex index : indexes(*topic, partitions)) {
            describe(broker, *topic, index, directories);
            // Sizes of what is not open are asked of the file system.
            if (++seen % kPartitionsPerTurn == 0) co_await broker.loop().yield();
        }
}

}  // namespace

Task<DescribeLogDirsResponse> describe_log_dirs(Broker& broker, RequestContext&,
                                                const DescribeLogDirsRequest& request) {
    std::vector<Topics> topics(broker.partitions().logs().directories().size());
    co_await describe_all(broker, request, topics);
    DescribeLogDirsResponse response;
    const auto& directories = broker.partitions().logs().directories();
    for (size_t i = 0; i < directories.size(); ++i) {
        const storage::LogDirectory& directory = directories[i];
        auto& out = response.results.emplace_back();
        out.log_dir = protocol::Str{directory.path};
        if (directory.failed()) {
            out.error_code = static_cast<int16_t>(ErrorCode::kafka_storage_error);
            continue;
        }
        if (const auto looked = directory.room->look(broker.loop().wall_ms()); looked) {
            out.total_bytes = static_cast<int64_t>(directory.room->total());
            out.usable_bytes = static_cast<int64_t>(directory.room->usable());
        }
        out.is_cordoned = broker.directories().is_cordoned(i);
        for (auto& [topic, partitions] : topics[i]) {
            auto& row = out.topics.emplace_back();
            row.name = protocol::Str{topic};
            row.partitions = std::move(partitions);
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
