// Incremental fetch sessions (KIP-227): the broker remembers which partitions a client reads and
// what it last told about each, so that a request names only what changed and an answer only what
// is new.
//
// Owner: the broker, one cache a shard. Loop: the shard's. A context belongs to one fetch request
// from begin() to its end; the session is marked busy meanwhile, so that a second request for it
// cannot come between. Bound: `slots` sessions (max.incremental.fetch.session.cache.slots); when
// all are taken and none may be evicted, clients get full answers without a session. Errors (of the
// whole request): fetch_session_id_not_found, invalid_fetch_session_epoch,
// fetch_session_topic_id_error.
// Kafka: FetchSession, FetchManager.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "base/random.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "protocol/messages/fetch.h"

namespace millrace::broker {

constexpr int32_t kNoFetchSession = 0;

// One partition that a client reads. By name up to Fetch v12, by id from v13; the other is filled
// in when the topic is known.
struct FetchedPartition {
    std::string topic;
    Uuid topic_id;
    PartitionIndex partition = 0;
    LeaderEpoch current_leader_epoch = -1;
    Offset fetch_offset = 0;
    LeaderEpoch last_fetched_epoch = -1;
    int32_t bytes_max = 0;
    // What the last answer said; -1: nothing yet, or an error.
    Offset told_high_watermark = -1;
    Offset told_log_start = -1;
};

class FetchSession {
public:
    FetchSession(int32_t id, bool by_topic_id) : id_(id), by_topic_id_(by_topic_id) {}
    std::list<FetchedPartition>& partitions() { return partitions_; }

private:
    friend class FetchSessionCache;
    friend class FetchContext;
    using Place = std::list<FetchedPartition>::iterator;

    static std::string key(std::string_view topic, const Uuid& topic_id, PartitionIndex partition);
    void update(const protocol::FetchRequest& request);

    const int32_t id_;
    const bool by_topic_id_;
    int32_t next_epoch_ = 1;
    bool busy_ = false;
    std::list<FetchedPartition> partitions_;  // in the order in which they are served
    std::unordered_map<std::string, Place> places_;
    TimestampMs last_used_ms_ = 0;
};

// What one fetch request reads, and in the end whether its answer needs to name a partition.
class FetchContext {
public:
    FetchContext(FetchContext&&) = default;
    FetchContext& operator=(FetchContext&&) = delete;
    ~FetchContext();

    std::list<FetchedPartition>& partitions() {
        return session_ ? session_->partitions_ : partitions_;
    }
    // The session that the answer names.
    int32_t session_id() const { return session_ ? session_->id_ : kNoFetchSession; }
    // Whether the answer must have this partition; remembers what it says, and lets one with
    // records be served last next time.
    bool include(FetchedPartition& partition, const protocol::FetchResponse::PartitionData& data);
    // To be called after the last include().
    void rotate();

private:
    friend class FetchSessionCache;
    FetchContext() = default;

    std::shared_ptr<FetchSession> session_;
    bool incremental_ = false;
    std::list<FetchedPartition> partitions_;  // when there is no session
    std::vector<const FetchedPartition*> served_;
};

class FetchSessionCache {
public:
    FetchSessionCache(size_t slots, Rng& rng) : slots_(slots), rng_(rng) {}

    Result<FetchContext> begin(const protocol::FetchRequest& request, int16_t version,
                               TimestampMs now);
    size_t size() const { return sessions_.size(); }

private:
    std::shared_ptr<FetchSession> create(bool by_topic_id, size_t partition_count, TimestampMs now);

    const size_t slots_;
    Rng& rng_;
    std::unordered_map<int32_t, std::shared_ptr<FetchSession>> sessions_;
};

}  // namespace millrace::broker
