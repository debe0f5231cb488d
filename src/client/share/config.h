// What a share consumer may be told. Kafka: ShareConsumerConfig.
#pragma once

#include "client/client_config.h"

namespace millrace::client {

// Who says what became of a record: the next poll() (accepted), or acknowledge().
enum class AcknowledgementMode : uint8_t { implicit_accept, explicit_each };
// How strictly a broker takes max.poll.records (KIP-1206). The numbers are the protocol's.
enum class AcquireMode : int8_t { batch_optimized = 0, record_limit = 1 };

struct ShareConsumerConfig {
    using ms = std::chrono::milliseconds;

    ClientConfig client;
    std::string group_id;
    AcknowledgementMode acknowledgement = AcknowledgementMode::implicit_accept;
    AcquireMode acquire = AcquireMode::batch_optimized;
    // A member that does not call poll() for so long leaves its group.
    ms max_poll_interval{300'000};
    // With batch_optimized whole batches are acquired until there are so many records; with
    // record_limit never more.
    int32_t max_poll_records = 500;
    bool check_crcs = true;
    std::string client_rack;  // empty: none

    int32_t fetch_min_bytes = 1;
    ms fetch_max_wait{500};
    int32_t fetch_max_bytes = 52'428'800;  // of one answer

    // invalid_config also for what a share consumer does not take: where to begin, sessions and
    // isolation are the group's to say.
    static Result<ShareConsumerConfig> from(const Settings& settings);
    Result<void> check() const;
};

}  // namespace millrace::client
