// What one broker remembers of this consumer (KIP-932): the partitions to fetch from, and by its
// connection the records that it has acquired. Each request names its epoch, so that both sides
// notice when one was lost.
//
//   epoch 0 opens, then 1, 2 ... for each request of either kind, -1 closes: what was acquired and
//   not acknowledged is released then.
//
// Owner: ShareFetcher, one for each broker. Pure state. Kafka: ShareSessionHandler.
#pragma once

#include "client/share/acknowledgements.h"
#include "protocol/messages/share_acknowledge.h"
#include "protocol/messages/share_fetch.h"

namespace millrace::client {

class ShareSession {
public:
    // Whether acknowledgements can be sent: not with the request that opens the session.
    bool open() const { return epoch_ != 0; }

    // Names into `request` what changes for the broker so that it fetches `wanted`, and the
    // acknowledgements, at most one for each partition.
    void name(protocol::ShareFetchRequest& request, const std::map<TopicPartition, Uuid>& wanted,
              std::span<const PartitionAcknowledgement> acknowledgements);
    void name(protocol::ShareAcknowledgeRequest& request,
              std::span<const PartitionAcknowledgement> acknowledgements) const;
    // For the last request of all.
    static constexpr int32_t kFinalEpoch = -1;

    // The broker has taken the last request.
    void answered();
    // It has not, or does not know the session: the next request begins anew.
    void forget();
    // As the answer names it; nullptr when it is not in the session.
    const TopicPartition* find(const Uuid& topic_id, PartitionIndex partition) const;

private:
    int32_t epoch_ = 0;
    std::map<std::pair<Uuid, PartitionIndex>, TopicPartition> partitions_;
};

}  // namespace millrace::client
