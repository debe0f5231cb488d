#include "client/fetch_session.h"

#include <limits>

namespace millrace::client {

void FetchSession::name(protocol::FetchRequest& request, std::span<const PartitionPtr> wanted,
                        int32_t partition_bytes_max) {
    // A topic that was made anew under its name: the session knows the old one.
    for (const PartitionPtr& p : wanted) {
        const auto known = entries_.find(p->place);
        if (known != entries_.end() && known->second.topic_id != p->topic_id) {
            forget();
            break;
        }
    }
    request.session_id = id_;
    request.session_epoch = epoch_;
    for (auto& [place, entry] : entries_) entry.wanted = false;
    for (const PartitionPtr& p : wanted) {
        Entry& entry = entries_[p->place];
        const bool known = epoch_ != 0 && entry.partition == p && entry.offset == p->fetch_offset &&
                           entry.epoch == p->leader_epoch;
        entry = {p, p->topic_id, p->fetch_offset, p->leader_epoch, true};
        if (known) continue;
        if (!p->topic_id.is_zero()) names_[p->topic_id] = p->place.topic;
        if (request.topics.empty() || request.topics.back().topic != p->place.topic) {
            auto& topic = request.topics.emplace_back();
            topic.topic = protocol::Str::borrow(p->place.topic);
            topic.topic_id = p->topic_id;
        }
        auto& part = request.topics.back().partitions.emplace_back();
        part.partition = p->place.partition;
        part.current_leader_epoch = p->leader_epoch;
        part.fetch_offset = p->fetch_offset;
        part.partition_max_bytes = partition_bytes_max;
    }
    std::erase_if(entries_, [&](const auto& item) {
        const Entry& entry = item.second;
        if (entry.wanted) return false;
        if (epoch_ == 0) return true;
        auto& topics = request.forgotten_topics_data;
        if (topics.empty() || topics.back().topic != item.first.topic) {
            topics.emplace_back().topic = item.first.topic;
            topics.back().topic_id = entry.topic_id;
        }
        topics.back().partitions.push_back(item.first.partition);
        return true;
    });
}

void FetchSession::answered(int32_t session_id) {
    if (session_id == 0) {
        id_ = epoch_ = 0;
        return;
    }
    id_ = session_id;
    epoch_ = epoch_ == std::numeric_limits<int32_t>::max() ? 1 : epoch_ + 1;
}

void FetchSession::forget() {
    id_ = epoch_ = 0;
    entries_.clear();
    names_.clear();
}

PartitionPtr FetchSession::find(const Uuid& topic_id, std::string_view topic,
                                PartitionIndex partition) const {
    TopicPartition place{std::string(topic), partition};
    if (const auto named = names_.find(topic_id); named != names_.end())
        place.topic = named->second;
    const auto found = entries_.find(place);
    return found == entries_.end() ? nullptr : found->second.partition;
}

}  // namespace millrace::client
