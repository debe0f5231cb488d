// What one broker remembers of this consumer's fetches (KIP-227): requests name only the partitions
// that are new or have moved, and answers only those with news.
//
// Owner: the fetcher, one for each broker. Kafka: FetchSessionHandler.
#pragma once

#include <unordered_map>

#include "client/partition_table.h"
#include "protocol/messages/fetch.h"

namespace millrace::client {

class FetchSession {
public:
    // Names into `request` what the broker must hear so that it fetches `wanted` (in order of the
    // topic), and remembers it as said.
    void name(protocol::FetchRequest& request, std::span<const PartitionPtr> wanted,
              int32_t partition_bytes_max);
    // The broker has answered the last request.
    void answered(int32_t session_id);
    // It did not, or does not know the session: the next request begins anew.
    void forget();
    // Of the last request, as the answer names it: by the topic's id, or by its name where there are
    // no ids. nullptr when it was not in it.
    PartitionPtr find(const Uuid& topic_id, std::string_view topic, PartitionIndex partition) const;

private:
    struct Entry {
        PartitionPtr partition;
        Uuid topic_id;
        Offset offset = -1;
        LeaderEpoch epoch = -1;
        bool wanted = false;
    };

    int32_t id_ = 0;
    int32_t epoch_ = 0;
    std::map<TopicPartition, Entry> entries_;
    std::unordered_map<Uuid, std::string> names_;  // of the topics in entries_, and some of before
};

}  // namespace millrace::client
