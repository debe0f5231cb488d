// What tasks send, on its way through the thread's producer.
//
// Tasks do not wait: what the producer cannot take at once is kept here, and the thread stops
// processing (blocked()) until it has drained. Owner: StreamThread. Kafka: RecordCollectorImpl.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "client/producer.h"
#include "streams/task/task.h"

namespace millrace::streams {

class ProducerCollector final : public RecordCollector {
public:
    explicit ProducerCollector(client::Producer& producer) : producer_(producer) {}

    void send(std::string_view topic, std::optional<PartitionIndex> partition, NullableView key,
              NullableView value, std::optional<TimestampMs> timestamp,
              const Headers& headers) override;
    int32_t partitions(std::string_view topic) override;

    bool blocked() const { return !waiting_.empty(); }
    // Hands over what waits, as the producer takes it.
    runtime::Task<Result<void>> drain();
    // Until everything sent before is delivered. The first failure since the last call.
    runtime::Task<Result<void>> flush();
    // The offset behind the last record delivered to a partition that was named in send(): where
    // a changelog ends for its task. After flush(); absent: nothing was sent since the last call.
    std::map<TopicPartition, Offset> take_ends();

private:
    // A record that waits, with its own memory.
    struct Waiting {
        std::string topic;
        std::optional<PartitionIndex> partition;
        NullableBytes key;
        NullableBytes value;
        TimestampMs timestamp;
        Headers headers;
    };
    using Partitions = std::map<PartitionIndex, client::Delivery>;

    void remember(std::string_view topic, std::optional<PartitionIndex> partition,
                  client::Delivery delivery);

    client::Producer& producer_;
    std::deque<Waiting> waiting_;
    std::map<std::string, Partitions, std::less<>> last_;
    std::optional<Error> failure_;
    std::vector<client::RecordHeader> headers_;  // of the record at hand
};

}  // namespace millrace::streams
