#include "cli/cluster/transactions.h"

#include <set>

#include "cli/cluster/topics.h"

namespace millrace::cli {
namespace {

Result<std::vector<TopicPartition>> partitions_of(Session& session, const HangingSearch& search) {
    std::vector<std::string> names;
    if (search.topic) {
        names.push_back(*search.topic);
    } else {
        TRY(const auto topics, find_topics(session, {}, false));
        for (const auto& topic : topics) names.push_back(topic.name);
    }
    TRY(const auto topics, session.wait(session.admin().describe_topics(std::move(names))));
    std::vector<TopicPartition> out;
    for (const client::TopicDescription& topic : topics) {
        if (topic.error.code != ErrorCode::none) return topic.error;
        for (const client::PartitionDescription& p : topic.partitions) {
            if (search.partition && p.index != *search.partition) continue;
            if (search.broker && std::ranges::find(p.replicas, *search.broker) == p.replicas.end())
                continue;
            out.push_back({topic.name, p.index});
        }
    }
    return out;
}

// Leaves those that no coordinator has open in that partition.
Result<void> keep_unknown(Session& session, std::vector<HangingTransaction>& open) {
    std::set<ProducerId> producers;
    for (const HangingTransaction& one : open) producers.insert(one.producer.producer);
    TRY(const auto listed, session.wait(session.admin().list_transactions(
                               -1, {}, {producers.begin(), producers.end()})));
    std::set<std::pair<ProducerId, TopicPartition>> known;
    for (const client::TransactionListing& listing : listed) {
        TRY(const auto described, session.wait(session.admin().describe_transaction(listing.id)));
        for (const TopicPartition& tp : described.partitions) known.emplace(described.producer, tp);
    }
    std::erase_if(open, [&](const HangingTransaction& one) {
        return known.contains({one.producer.producer, one.partition});
    });
    return {};
}

}  // namespace

Result<std::vector<HangingTransaction>> find_hanging(Session& session,
                                                     const HangingSearch& search) {
    TRY(auto partitions, partitions_of(session, search));
    std::vector<HangingTransaction> out;
    if (partitions.empty()) return out;
    TRY(const auto found,
        session.wait(session.admin().describe_producers(std::move(partitions), search.broker)));
    for (const auto& [tp, one] : found) {
        if (one.error.code != ErrorCode::none) return one.error;
        for (const client::ActiveProducer& producer : one.producers)
            if (producer.transaction_start >= 0 &&
                session.wall_ms() - producer.last_timestamp > search.quiet_ms_min)
                out.push_back({tp, producer});
    }
    if (!out.empty()) TRY_OK(keep_unknown(session, out));
    return out;
}

Result<std::optional<client::AbortedTransaction>> transaction_at(Session& session,
                                                                 const TopicPartition& partition,
                                                                 Offset start) {
    TRY(const auto producers, session.wait(session.admin().describe_producers(partition)));
    for (const client::ActiveProducer& one : producers)
        if (one.transaction_start == start)
            return std::optional{client::AbortedTransaction{
                .partition = partition,
                .producer = one.producer,
                .epoch = static_cast<ProducerEpoch>(one.epoch),
                .coordinator_epoch = std::max(one.coordinator_epoch, 0)}};
    return std::optional<client::AbortedTransaction>{};
}

}  // namespace millrace::cli
