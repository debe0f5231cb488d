// The records of a share cluster: sessions, who gets which, and what is said of them.
#include "sim/client/cluster/share_cluster.h"

namespace millrace::sim {

void ShareCluster::end_session(const std::string& member, const Session& session) {
    for (const PartitionIndex p : session.partitions)
        partitions[static_cast<size_t>(p)].release(member);
}

ErrorCode ShareCluster::find_session(NodeId id, const std::string& member, int32_t epoch,
                                     bool may_open, uint64_t connection) {
    if (sim_.rng().chance(refuse_chance)) {
        evict_sessions();
        return ErrorCode::share_session_not_found;
    }
    const SessionKey key{id, member};
    if (epoch == 0 && may_open) {
        if (const auto old = sessions_.find(key); old != sessions_.end())
            end_session(member, old->second);
        sessions_[key] = {.epoch = 1, .partitions = {}, .connection = connection};
        return ErrorCode::none;
    }
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) return ErrorCode::share_session_not_found;
    if (epoch == -1) return ErrorCode::none;
    if (epoch != found->second.epoch) {
        ++wrong_epochs;
        return ErrorCode::invalid_share_session_epoch;
    }
    found->second.epoch++;
    return ErrorCode::none;
}

template <typename Said>
bool ShareCluster::refuse_moved(const Partition& p, NodeId id, Said& said) const {
    if (p.leader == id) return false;
    said.current_leader.leader_id = p.leader;
    said.current_leader.leader_epoch = p.epoch;
    return true;
}

template <typename Batches>
ErrorCode ShareCluster::take_acknowledgements(Partition& p, const std::string& member,
                                              const Batches& batches, bool renews) {
    Offset last = -1;
    ErrorCode out = ErrorCode::none;
    p.expire(sim_.now());
    for (const auto& batch : batches) {
        CHECK(batch.first_offset > last);
        CHECK(batch.first_offset <= batch.last_offset);
        CHECK(batch.acknowledge_types.size() == 1);
        last = batch.last_offset;
        const int8_t type = batch.acknowledge_types[0];
        CHECK((type != 4 || renews));
        const auto said = p.acknowledge(member, batch.first_offset, last, type, sim_.now());
        if (said != ErrorCode::none) out = said;
    }
    return out;
}

runtime::Task<protocol::ShareFetchResponse> ShareCluster::fetch(
    NodeId id, uint64_t connection, const protocol::ShareFetchRequest& m) {
    protocol::ShareFetchResponse out;
    const std::string member = m.member_id->str();
    out.acquisition_lock_timeout_ms =
        static_cast<int32_t>(std::chrono::milliseconds(SharePartition::kLock).count());
    const auto code = find_session(id, member, m.share_session_epoch, true, connection);
    out.error_code = static_cast<int16_t>(code);
    if (code != ErrorCode::none) co_return out;
    CHECK_FALSE(m.is_renew_ack);
    Session* session = &sessions_.at({id, member});
    std::map<PartitionIndex, protocol::ShareFetchResponse::PartitionData> said;
    for (const auto& part :
         m.topics.empty() ? decltype(m.topics[0].partitions){} : m.topics[0].partitions) {
        session->partitions.insert(part.partition_index);
        if (part.acknowledgement_batches.empty()) continue;
        CHECK(m.share_session_epoch != 0);
        ++piggybacked;
        Partition& p = partitions[static_cast<size_t>(part.partition_index)];
        auto& answer = said[part.partition_index];
        const auto result =
            refuse_moved(p, id, answer)
                ? ErrorCode::not_leader_or_follower
                : take_acknowledgements(p, member, part.acknowledgement_batches, false);
        answer.acknowledge_error_code = static_cast<int16_t>(result);
    }
    for (const auto& forgotten : m.forgotten_topics_data)
        for (const PartitionIndex p : forgotten.partitions) session->partitions.erase(p);
    const TimePoint end = sim_.now() + std::chrono::milliseconds(m.max_wait_ms);
    int32_t acquired = 0;
    for (;;) {
        for (const PartitionIndex index : session->partitions) {
            Partition& p = partitions[static_cast<size_t>(index)];
            auto& answer = said[index];
            p.expire(sim_.now());
            if (refuse_moved(p, id, answer)) {
                answer.error_code = static_cast<int16_t>(ErrorCode::not_leader_or_follower);
                acquired += 1;  // worth an answer
                continue;
            }
            const auto got = p.acquire(member, m.max_records - acquired, m.share_acquire_mode == 1,
                                       sim_.now(), answer.records);
            for (const auto& range : got) {
                answer.acquired_records.push_back({range.first, range.last, range.deliveries});
                acquired += static_cast<int32_t>(range.last - range.first + 1);
            }
        }
        acquired_at_once_max = std::max(acquired_at_once_max, acquired);
        if (acquired > 0 || sim_.now() >= end) break;
        co_await runtime::Loop::current().sleep_for(std::chrono::milliseconds(20));
        const auto still = sessions_.find({id, member});
        if (still == sessions_.end()) break;
        session = &still->second;
    }
    auto& topic_said = out.responses.emplace_back();
    topic_said.topic_id = topic_id;
    for (auto& [index, answer] : said) {
        answer.partition_index = index;
        topic_said.partitions.push_back(std::move(answer));
    }
    co_return out;
}

protocol::ShareAcknowledgeResponse ShareCluster::acknowledge(
    NodeId id, const protocol::ShareAcknowledgeRequest& m) {
    protocol::ShareAcknowledgeResponse out;
    const std::string member = m.member_id->str();
    const auto code = find_session(id, member, m.share_session_epoch, false, 0);
    out.error_code = static_cast<int16_t>(code);
    if (code != ErrorCode::none) return out;
    for (const auto& topic_asked : m.topics) {
        auto& topic_said = out.responses.emplace_back();
        topic_said.topic_id = topic_asked.topic_id;
        for (const auto& part : topic_asked.partitions) {
            Partition& p = partitions[static_cast<size_t>(part.partition_index)];
            auto& answer = topic_said.partitions.emplace_back();
            answer.partition_index = part.partition_index;
            ++alone;
            auto result = ErrorCode::none;
            if (refuse_moved(p, id, answer))
                result = ErrorCode::not_leader_or_follower;
            else if (sim_.rng().chance(refuse_chance))
                result = ErrorCode::coordinator_not_available;
            else
                result =
                    take_acknowledgements(p, member, part.acknowledgement_batches, m.is_renew_ack);
            answer.error_code = static_cast<int16_t>(result);
        }
    }
    if (m.share_session_epoch == -1) {
        const auto session = sessions_.find({id, member});
        end_session(member, session->second);
        sessions_.erase(session);
        ++closed_sessions;
    }
    return out;
}

}  // namespace millrace::sim
