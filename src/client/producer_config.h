// What a producer may be told. Kafka: ProducerConfig.
#pragma once

#include <functional>
#include <memory>

#include "client/client_config.h"
#include "client/metadata.h"
#include "client/record.h"
#include "protocol/compression.h"

namespace millrace::client {

// Gives a partition to each record that names none. Called on the producer's loop, in the order of
// the records.
class Partitioner {
public:
    virtual ~Partitioner() = default;
    // In [0, topic.partitions.size()).
    virtual PartitionIndex partition(const Record& record, const TopicInfo& topic) = 0;
};

struct ProducerConfig {
    using ms = std::chrono::milliseconds;

    ClientConfig client;
    int16_t acks = -1;  // -1: all in-sync replicas; 0: nobody answers
    bool idempotent = true;
    protocol::Codec compression = protocol::Codec::none;
    protocol::CompressionLevels compression_levels;
    int32_t batch_size = 16'384;  // bytes of a batch, before compression
    ms linger{5};                 // how long a batch waits for more records
    int32_t max_request_size = 1'048'576;
    int32_t max_in_flight = 5;           // requests, for each broker
    int64_t buffer_memory = 33'554'432;  // bytes of records that are not delivered
    // How long send() waits for room or for the topic's metadata.
    ms max_block{60'000};
    // From send() to the final outcome, all attempts included.
    ms delivery_timeout{120'000};
    // Whether records of a key go to the partition of its hash.
    bool partition_by_key = true;
    // Whether the partition of records without key is the one with the shortest queue rather than
    // any.
    bool adaptive = true;
    // Empty: no transactions.
    std::string transactional_id;
    ms transaction_timeout{60'000};
    // Instead of the above; nullptr: none.
    std::shared_ptr<Partitioner> partitioner;

    // invalid_config also for what does not go together: idempotence without acks=all or with more
    // than 5 requests in flight, a delivery.timeout.ms below linger.ms + request.timeout.ms.
    static Result<ProducerConfig> from(const Settings& settings);
    Result<void> check() const;
};

}  // namespace millrace::client
