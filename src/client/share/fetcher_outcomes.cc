// What comes of a share fetcher's requests: acknowledgements that arrived, or did not, and what
// brokers refuse.
#include <fmt/format.h>

#include "base/log.h"
#include "client/share/fetcher.h"

namespace millrace::client {
namespace {

// Another broker leads the partition, or will soon.
bool leader_moved(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_leader_epoch:
        case ErrorCode::leader_not_available:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::inconsistent_topic_id:
            return true;
        default:
            return false;
    }
}

bool session_lost(ErrorCode code) {
    return code == ErrorCode::share_session_not_found ||
           code == ErrorCode::invalid_share_session_epoch;
}

}  // namespace

// An answer that refuses the whole request; whether to go on at once.
bool ShareFetcher::refused(Node& node, ErrorCode code, std::string_view message) {
    node.session.forget();
    if (leader_moved(code)) cluster_.request_update();
    const bool retriable = error_retriable(code) || code == ErrorCode::unknown_server_error;
    // What was asked for was not fetched.
    if (retriable)
        node.asked = true;
    else
        raise(fail(code, std::string(message)));
    return session_lost(code);
}

void ShareFetcher::raise(Error error) {
    constexpr size_t kErrorsMax = 16;
    if (errors_.size() < kErrorsMax) {
        errors_.push_back({std::move(error), cluster_.loop().now()});
        stats_.for_application.put();
    }
    filled.notify();
}

void ShareFetcher::settle(Node& node, PartitionAcknowledgement part, Result<void> result) {
    const ErrorCode code = result.code();
    const bool again = code != ErrorCode::none && error_retriable(code) && !leader_moved(code) &&
                       !session_lost(code) && !Cluster::network_error(code) && !closing_ &&
                       node.session.open() && cluster_.loop().now() < part.deadline;
    if (again) {
        node.retry_at = cluster_.after(config_.client.retry_backoff);
        part.queued = cluster_.loop().now();
        stats_.from_application.put();
        node.pending.push_front(std::move(part));
        return;
    }
    if (leader_moved(code)) cluster_.request_update();
    uint64_t records = 0;
    for (const AcknowledgedRange& range : part.ranges)
        records += static_cast<uint64_t>(range.last - range.first + 1);
    stats_.acknowledged += records;
    stats_.acknowledgements.record(cluster_.loop().now(), static_cast<double>(records));
    if (!result) {
        stats_.acknowledgements_failed += records;
        stats_.failures.record(cluster_.loop().now(), static_cast<double>(records));
    }
    acknowledged_(part, result);
}

void ShareFetcher::settle_all(Node& node, std::vector<PartitionAcknowledgement> parts,
                              const Error& error) {
    for (PartitionAcknowledgement& part : parts) settle(node, std::move(part), error);
}

void ShareFetcher::note_leader(const TopicPartition& place, NodeId leader, LeaderEpoch epoch) {
    if (leader < 0 || epoch < 0) return;
    if (cluster_.metadata().brokers().contains(leader))
        cluster_.move_leader(place, leader, epoch);
    else
        cluster_.request_update();
}

void ShareFetcher::take_failure(const TopicPartition& place, ErrorCode code) {
    not_before_[place] = cluster_.after(config_.client.retry_backoff);
    if (leader_moved(code)) {
        cluster_.request_update();
    } else if (code == ErrorCode::unknown_server_error || error_retriable(code)) {
        LOG_INFO("client", "{}-{}: no records now: {}", place.topic, place.partition,
                 error_name(code));
    } else {
        raise(fail(code, fmt::format("{}-{}", place.topic, place.partition)));
    }
}

// Acknowledgements that cannot arrive: the broker leads the partition no longer, or knows nothing
// of this consumer.
void ShareFetcher::fail_moved(Node& node) {
    for (size_t left = node.pending.size(); left > 0; --left) {
        PartitionAcknowledgement part = std::move(node.pending.front());
        node.pending.pop_front();
        const NodeId leader = leader_of(part.place);
        const bool moved = leader >= 0 && leader != node.id;
        if (!moved && node.session.open()) {
            node.pending.push_back(std::move(part));
            continue;
        }
        stats_.from_application.taken(part.queued, cluster_.loop().now());
        if (moved)
            settle(node, std::move(part),
                   fail(ErrorCode::not_leader_or_follower, "the partition has another leader"));
        else
            settle(node, std::move(part),
                   fail(ErrorCode::share_session_not_found,
                        "the records were given back when the connection was lost"));
    }
}

}  // namespace millrace::client
