#include "client/share/fetcher.h"

#include <algorithm>

#include "client/backoff.h"

namespace millrace::client {
namespace {

constexpr std::chrono::seconds kTouchEvery{60};

}  // namespace

ShareFetcher::ShareFetcher(Cluster& cluster, const ShareConsumerConfig& config,
                           std::string member_id, ShareFetchStats& stats, Acknowledged acknowledged)
    : cluster_(cluster),
      config_(config),
      member_id_(std::move(member_id)),
      acknowledged_(std::move(acknowledged)),
      stats_(stats) {
    tasks_.emplace(cluster.loop());
    tasks_->spawn(watch());
}

void ShareFetchStats::add(MetricList& out, runtime::TimePoint now) const {
    FetchStats::add(out, now);
    out.gauge("records-per-request-max", all.records_fetched.max(now));
    out.meter("acknowledgements-send", acknowledgements.rate(now), acknowledged);
    out.meter("acknowledgements-error", failures.rate(now), acknowledgements_failed);
}

void ShareFetchStats::add_events(MetricList& out, runtime::TimePoint now) const {
    from_application.add(out, "application", now);
    out.counter("application-events-expired-count", from_application.expired);
    for_application.add(out, "background", now);
}

// What the application does

void ShareFetcher::assign(ShareAssignment assignment) {
    assignment_ = std::move(assignment);
    std::erase_if(not_before_,
                  [&](const auto& entry) { return !assignment_.contains(entry.first); });
    changed_.notify();
}

void ShareFetcher::ask() {
    for (const auto& [id, node] : nodes_) node->asked = true;
    changed_.notify();
}

void ShareFetcher::acknowledge(std::vector<PartitionAcknowledgement> parts) {
    if (parts.empty()) return;
    for (PartitionAcknowledgement& part : parts) {
        part.queued = cluster_.loop().now();
        stats_.from_application.put();
        node(part.node).pending.push_back(std::move(part));
    }
    changed_.notify();
}

runtime::Task<void> ShareFetcher::close(runtime::TimePoint deadline) {
    closing_ = true;
    chunks_.clear();
    runtime::Subscriber waiting{cluster_.loop()};
    waiting.subscribe(filled);
    changed_.notify();
    const auto ended = [](const auto& entry) { return entry.second->ended; };
    while (!std::ranges::all_of(nodes_, ended))
        if (!co_await waiting.wait_until(deadline)) break;
    tasks_.reset();
    stats_.for_application.waiting -= errors_.size();
    errors_.clear();
    for (const auto& [id, node] : nodes_) {
        std::vector<PartitionAcknowledgement> left(node->pending.begin(), node->pending.end());
        node->pending.clear();
        for (size_t i = 0; i != left.size(); ++i) stats_.from_application.given_up();
        settle_all(*node, std::move(left), fail(ErrorCode::deadline_exceeded, "not sent in time"));
    }
}

// Brokers

// A task for each broker that leads something, which knows of new leaders.
runtime::Task<void> ShareFetcher::watch() {
    runtime::Loop& loop = cluster_.loop();
    runtime::Subscriber waiting{loop};
    waiting.subscribe(changed_);
    waiting.subscribe(cluster_.metadata_changed());
    for (;;) {
        for (const auto& [place, id] : assignment_) {
            cluster_.find_topic(place.topic);
            if (const NodeId leader = leader_of(place); leader >= 0 && !closing_) node(leader);
        }
        co_await waiting.wait_until(loop.now() + kTouchEvery);
    }
}

ShareFetcher::Node& ShareFetcher::node(NodeId id) {
    auto& held = nodes_[id];
    if (!held) {
        held = std::make_unique<Node>(id);
        held->asked = true;
        tasks_->spawn(serve(*held));
    }
    return *held;
}

NodeId ShareFetcher::leader_of(const TopicPartition& place) const {
    const TopicPtr topic = cluster_.metadata().topic(place.topic);
    return topic ? topic->leader(place.partition) : -1;
}

std::map<TopicPartition, Uuid> ShareFetcher::wanted_at(const Node& node,
                                                       runtime::TimePoint& next) const {
    std::map<TopicPartition, Uuid> out;
    for (const auto& [place, id] : assignment_) {
        const TopicPtr topic = cluster_.metadata().topic(place.topic);
        if (!topic || topic->id != id || topic->leader(place.partition) != node.id) continue;
        const auto later = not_before_.find(place);
        if (later != not_before_.end() && later->second > cluster_.loop().now())
            next = std::min(next, later->second);
        else
            out.emplace(place, id);
    }
    return out;
}

bool ShareFetcher::may_fetch(const Node& node) const {
    if (!node.asked || closing_ || !chunks_.empty()) return false;
    return config_.acquire == AcquireMode::batch_optimized || has_turn(node);
}

// With a limit for all together, brokers are asked one after the other.
bool ShareFetcher::has_turn(const Node& node) const {
    if (fetching_ > 0) return false;
    runtime::TimePoint next = runtime::kNever;
    return std::ranges::none_of(nodes_, [&](const auto& entry) {
        const Node& other = *entry.second;
        return other.asked && other.turn < node.turn && other.retry_at <= cluster_.loop().now() &&
               !wanted_at(other, next).empty();
    });
}

// Whether it may go with a fetch of these partitions.
bool ShareFetcher::travels(const PartitionAcknowledgement& part,
                           const std::map<TopicPartition, Uuid>& wanted) const {
    const auto found = wanted.find(part.place);
    return found != wanted.end() && found->second == part.topic_id && !part.renews();
}

runtime::Task<void> ShareFetcher::serve(Node& node) {
    runtime::Loop& loop = cluster_.loop();
    runtime::Subscriber waiting{loop};
    waiting.subscribe(changed_);
    waiting.subscribe(cluster_.metadata_changed());
    for (;;) {
        fail_moved(node);
        const bool over = closing_ && node.pending.empty() && !node.session.open();
        if (over) break;
        if (node.retry_at > loop.now() && !closing_) {
            co_await waiting.wait_until(node.retry_at);
            continue;
        }
        runtime::TimePoint next = runtime::kNever;
        auto wanted = wanted_at(node, next);
        const bool fetch = !wanted.empty() && may_fetch(node);
        const bool alone = std::ranges::any_of(
            node.pending, [&](const auto& part) { return !travels(part, wanted); });
        bool done = true;
        if (closing_ || alone || (!fetch && !node.pending.empty())) {
            done = co_await acknowledge_once(node);
        } else if (fetch) {
            node.asked = false;
            ++fetching_;
            done = co_await fetch_once(node, std::move(wanted));
            --fetching_;
            node.turn = ++turns_;
            filled.notify();
            changed_.notify();
        } else {
            co_await waiting.wait_until(next);
            continue;
        }
        if (done) {
            node.failures = 0;
            continue;
        }
        node.retry_at =
            loop.now() + backoff(config_.client.retry_backoff, config_.client.retry_backoff_max,
                                 node.failures++, loop.rng());
    }
    node.ended = true;
    filled.notify();
}

// At most one for each partition, as ranges must ascend.
std::vector<PartitionAcknowledgement> ShareFetcher::take_pending(Node& node) {
    std::vector<PartitionAcknowledgement> out;
    std::deque<PartitionAcknowledgement> later;
    for (PartitionAcknowledgement& part : node.pending) {
        const bool taken =
            std::ranges::find(out, part.place, &PartitionAcknowledgement::place) != out.end();
        if (taken) {
            later.push_back(std::move(part));
            continue;
        }
        stats_.from_application.taken(part.queued, cluster_.loop().now());
        out.push_back(std::move(part));
    }
    node.pending = std::move(later);
    return out;
}

// How long it took to put them into a request.
void ShareFetcher::note_work(std::span<const PartitionAcknowledgement> saying,
                             runtime::TimePoint began) {
    if (saying.empty()) return;
    const auto now = cluster_.loop().read_clock();
    stats_.from_application.work.record(now, now - began);
}

runtime::Task<bool> ShareFetcher::fetch_once(Node& node, std::map<TopicPartition, Uuid> wanted) {
    const auto took = cluster_.loop().read_clock();
    const auto saying = take_pending(node);
    protocol::ShareFetchRequest request;
    request.group_id = protocol::Str::borrow(config_.group_id);
    request.member_id = protocol::Str::borrow(member_id_);
    request.max_wait_ms = static_cast<int32_t>(config_.fetch_max_wait.count());
    request.min_bytes = config_.fetch_min_bytes;
    request.max_bytes = config_.fetch_max_bytes;
    request.max_records = config_.max_poll_records;
    request.batch_size = config_.max_poll_records;
    request.share_acquire_mode = static_cast<int8_t>(config_.acquire);
    node.session.name(request, wanted, saying);
    note_work(saying, took);
    const auto began = cluster_.loop().now();
    auto reply = co_await cluster_.call(
        node.id, request, cluster_.after(config_.client.request_timeout + config_.fetch_max_wait));
    if (!reply) {
        node.session.forget();
        settle_all(node, saying, reply.error());
        node.asked = Cluster::network_error(reply.code());
        if (!node.asked) raise(reply.error());
        co_return false;
    }
    stats_.answered(began, cluster_.loop().now(), (*reply)->throttle_time_ms);
    const auto code = static_cast<ErrorCode>((*reply)->error_code);
    if (code != ErrorCode::none) {
        const auto& why = (*reply)->error_message;
        settle_all(node, saying, fail(code, why ? why->str() : std::string()));
        co_return refused(node, code, why ? std::string_view(*why) : std::string_view());
    }
    node.session.answered();
    std::map<std::pair<Uuid, PartitionIndex>, ErrorCode> outcomes;
    for (const auto& topic : (*reply)->responses)
        for (const auto& data : topic.partitions)
            outcomes[{topic.topic_id, data.partition_index}] =
                static_cast<ErrorCode>(data.acknowledge_error_code);
    take_answer(node, *reply);
    for (const PartitionAcknowledgement& part : saying) {
        const auto found = outcomes.find({part.topic_id, part.place.partition});
        const auto said = found == outcomes.end() ? ErrorCode::invalid_record_state : found->second;
        settle(node, part, said == ErrorCode::none ? Result<void>{} : fail(said));
    }
    co_return true;
}

runtime::Task<bool> ShareFetcher::acknowledge_once(Node& node) {
    const auto took = cluster_.loop().read_clock();
    const auto saying = take_pending(node);
    const bool last = closing_ && node.pending.empty();
    protocol::ShareAcknowledgeRequest request;
    request.group_id = protocol::Str::borrow(config_.group_id);
    request.member_id = protocol::Str::borrow(member_id_);
    request.is_renew_ack = std::ranges::any_of(saying, &PartitionAcknowledgement::renews);
    node.session.name(request, saying);
    note_work(saying, took);
    if (last) request.share_session_epoch = ShareSession::kFinalEpoch;
    auto reply =
        co_await cluster_.call(node.id, request, cluster_.after(config_.client.request_timeout));
    if (!reply) {
        // A request that could not be written leaves the session as it was.
        if (last || reply.code() != ErrorCode::unsupported_version) node.session.forget();
        settle_all(node, saying, reply.error());
        co_return false;
    }
    const auto code = static_cast<ErrorCode>((*reply)->error_code);
    if (code != ErrorCode::none) {
        const auto& why = (*reply)->error_message;
        settle_all(node, saying, fail(code, why ? why->str() : std::string()));
        if (last) node.session.forget();
        co_return refused(node, code, why ? std::string_view(*why) : std::string_view());
    }
    node.session.answered();
    if (last) node.session.forget();
    if ((*reply)->acquisition_lock_timeout_ms > 0)
        lock_timeout_ = std::chrono::milliseconds((*reply)->acquisition_lock_timeout_ms);
    std::map<std::pair<Uuid, PartitionIndex>, Result<void>> outcomes;
    for (const auto& topic : (*reply)->responses) {
        for (const auto& data : topic.partitions) {
            const auto said = static_cast<ErrorCode>(data.error_code);
            outcomes[{topic.topic_id, data.partition_index}] =
                said == ErrorCode::none
                    ? Result<void>{}
                    : fail(said, data.error_message ? data.error_message->str() : std::string());
            if (const TopicPtr info = cluster_.metadata().topic(topic.topic_id))
                note_leader({info->name, data.partition_index}, data.current_leader.leader_id,
                            data.current_leader.leader_epoch);
        }
    }
    for (const PartitionAcknowledgement& part : saying) {
        const auto found = outcomes.find({part.topic_id, part.place.partition});
        settle(node, part,
               found == outcomes.end() ? fail(ErrorCode::invalid_record_state) : found->second);
    }
    co_return true;
}

}  // namespace millrace::client
