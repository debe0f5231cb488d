#include "broker/fetch_session.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;
constexpr int16_t kFirstVersionWithTopicIds = 13;
// A session in use is not evicted for another before it has been silent this long (Kafka:
// MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS).
constexpr TimestampMs kEvictionAgeMs = 120'000;

FetchedPartition fetched(const protocol::FetchRequest::FetchTopic& topic,
                         const protocol::FetchRequest::FetchPartition& partition) {
    return {.topic = std::string{std::string_view{topic.topic}},
            .topic_id = topic.topic_id,
            .partition = partition.partition,
            .current_leader_epoch = partition.current_leader_epoch,
            .fetch_offset = partition.fetch_offset,
            .last_fetched_epoch = partition.last_fetched_epoch,
            .bytes_max = partition.partition_max_bytes};
}

}  // namespace

std::string FetchSession::key(std::string_view topic, const Uuid& topic_id,
                              PartitionIndex partition) {
    std::string key{topic};
    key.append(reinterpret_cast<const char*>(&topic_id), sizeof topic_id);
    key.append(reinterpret_cast<const char*>(&partition), sizeof partition);
    return key;
}

void FetchSession::update(const protocol::FetchRequest& request) {
    for (const auto& topic : request.topics)
        for (const auto& partition : topic.partitions) {
            FetchedPartition wanted = fetched(topic, partition);
            std::string k = key(wanted.topic, wanted.topic_id, wanted.partition);
            if (const auto known = places_.find(k); known != places_.end()) {
                wanted.told_high_watermark = known->second->told_high_watermark;
                wanted.told_log_start = known->second->told_log_start;
                *known->second = std::move(wanted);
            } else {
                places_.emplace(std::move(k),
                                partitions_.insert(partitions_.end(), std::move(wanted)));
            }
        }
    for (const auto& topic : request.forgotten_topics_data)
        for (const PartitionIndex partition : topic.partitions) {
            const auto known = places_.find(key(topic.topic, topic.topic_id, partition));
            if (known == places_.end()) continue;
            partitions_.erase(known->second);
            places_.erase(known);
        }
}

FetchContext::~FetchContext() {
    if (session_) session_->busy_ = false;
}

bool FetchContext::include(FetchedPartition& partition,
                           const protocol::FetchResponse::PartitionData& data) {
    const bool has_records = data.records && !data.records->empty();
    if (has_records) served_.push_back(&partition);
    const bool failed = data.error_code != 0;
    const bool news = has_records || failed ||
                      data.high_watermark != partition.told_high_watermark ||
                      data.log_start_offset != partition.told_log_start ||
                      data.diverging_epoch.epoch != -1 || data.preferred_read_replica != -1;
    // After an error the next good answer must be told, whatever it says.
    partition.told_high_watermark = failed ? -1 : data.high_watermark;
    partition.told_log_start = failed ? -1 : data.log_start_offset;
    return !incremental_ || news;
}

void FetchContext::rotate() {
    if (!session_ || served_.empty()) return;
    auto& all = session_->partitions_;
    size_t next = 0;
    for (auto place = all.begin(); place != all.end() && next < served_.size();) {
        const auto here = place++;
        if (&*here != served_[next]) continue;
        all.splice(all.end(), all, here);
        ++next;
    }
}

Result<FetchContext> FetchSessionCache::begin(const protocol::FetchRequest& request,
                                              int16_t version, TimestampMs now) {
    FetchContext context;
    const bool by_topic_id = version >= kFirstVersionWithTopicIds;
    if (request.session_epoch == kInitialEpoch || request.session_epoch == kFinalEpoch) {
        if (request.session_id != kNoFetchSession) sessions_.erase(request.session_id);
        if (request.session_epoch == kInitialEpoch) {
            size_t count = 0;
            for (const auto& topic : request.topics) count += topic.partitions.size();
            context.session_ = create(by_topic_id, count, now);
        }
        if (context.session_) {
            context.session_->update(request);
        } else {
            for (const auto& topic : request.topics)
                for (const auto& partition : topic.partitions)
                    context.partitions_.push_back(fetched(topic, partition));
        }
    } else {
        const auto found = sessions_.find(request.session_id);
        if (found == sessions_.end()) return fail(ErrorCode::fetch_session_id_not_found);
        const auto& session = found->second;
        if (session->next_epoch_ != request.session_epoch || session->busy_)
            return fail(ErrorCode::invalid_fetch_session_epoch);
        if (session->by_topic_id_ != by_topic_id)
            return fail(ErrorCode::fetch_session_topic_id_error);
        session->update(request);
        session->last_used_ms_ = now;
        if (session->partitions_.empty()) {
            sessions_.erase(found);
            return context;
        }
        session->next_epoch_ = session->next_epoch_ == INT32_MAX ? 1 : session->next_epoch_ + 1;
        context.session_ = session;
        context.incremental_ = true;
    }
    if (context.session_) context.session_->busy_ = true;
    return context;
}

std::shared_ptr<FetchSession> FetchSessionCache::create(bool by_topic_id, size_t partition_count,
                                                        TimestampMs now) {
    if (partition_count == 0 || slots_ == 0) return nullptr;
    if (sessions_.size() >= slots_) {
        const auto oldest =
            std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
                return a.second->last_used_ms_ < b.second->last_used_ms_;
            });
        if (oldest->second->busy_ || now - oldest->second->last_used_ms_ < kEvictionAgeMs)
            return nullptr;
        sessions_.erase(oldest);
    }
    int32_t id;
    do id = static_cast<int32_t>(rng_.below(INT32_MAX) + 1);
    while (sessions_.contains(id));
    auto session = std::make_shared<FetchSession>(id, by_topic_id);
    session->last_used_ms_ = now;
    sessions_.emplace(id, session);
    return session;
}

}  // namespace millrace::broker
