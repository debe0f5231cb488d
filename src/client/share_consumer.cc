#include "client/share_consumer.h"

#include <fmt/format.h>

namespace millrace::client {

ShareConsumer::ShareConsumer(runtime::Context context, ShareConsumerConfig config)
    : config_(std::move(config)),
      cluster_(context, config_.client),
      link_(cluster_, config_.group_id),
      telemetry_(cluster_, [this] { return metrics(); }, [this] { return labels(); }) {}

ShareConsumer::~ShareConsumer() = default;

Result<void> ShareConsumer::subscribe(std::vector<std::string> topics) {
    std::set<std::string> wanted(topics.begin(), topics.end());
    if (wanted.empty() || wanted.begin()->empty())
        return fail(ErrorCode::invalid_topic_exception, "a topic without a name, or no topic");
    subscription_ = std::move(wanted);
    if (!membership_) {
        membership_ = std::make_unique<ShareMembership>(
            cluster_, link_, config_,
            ShareMembership::Listener{
                .assigned =
                    [this](ShareAssignment assignment) {
                        if (fetcher_) fetcher_->assign(std::move(assignment));
                    },
                .failed = [this](Error error) { note_failure(std::move(error)); },
                .in_poll = [this] { return in_poll_; }});
        fetcher_ = std::make_unique<ShareFetcher>(
            cluster_, config_, membership_->id(), fetches_,
            [this](const PartitionAcknowledgement& part, const Result<void>& result) {
                hear(part, result);
            });
    }
    membership_->subscribe(subscription_);
    return {};
}

std::vector<TopicPartition> ShareConsumer::assignment() const {
    std::vector<TopicPartition> out;
    if (!fetcher_) return out;
    for (const auto& [place, id] : fetcher_->assignment()) out.push_back(place);
    return out;
}

runtime::Task<Result<std::vector<ShareBatch>>> ShareConsumer::poll(Duration patience) {
    if (!membership_) co_return fail(ErrorCode::invalid_request, "subscribe to something first");
    call_back();
    membership_->polled();
    if (!implicit() && delivered_.open() > 0)
        co_return fail(ErrorCode::invalid_request,
                       fmt::format("{} records were not acknowledged", delivered_.open()));
    fetcher_->acknowledge(take_acknowledgements());
    runtime::Loop& loop = cluster_.loop();
    const auto deadline = loop.now() + patience;
    runtime::Subscriber waiting{loop};
    waiting.subscribe(fetcher_->filled);
    waiting.subscribe(wake_);
    Result<std::vector<ShareBatch>> out{};
    polls_.began(loop.now());
    in_poll_ = true;
    for (;;) {
        if (failure_) {
            out = *std::exchange(failure_, std::nullopt);
            fetches_.for_application.taken(failed_at_, loop.now());
            break;
        }
        out = fetcher_->take(config_.max_poll_records, delivered_);
        if (!out || !out->empty() || std::exchange(woken_, false)) break;
        fetcher_->ask();
        if (loop.now() >= deadline) break;
        co_await waiting.wait_until(deadline);
    }
    in_poll_ = false;
    polls_.ended(loop.now());
    membership_->polled();
    call_back();
    co_return std::move(out);
}

void ShareConsumer::wake() {
    woken_ = true;
    wake_.notify();
}

// Acknowledgements

Result<void> ShareConsumer::acknowledge(const TopicPartition& place, Offset offset,
                                        AcknowledgeType type) {
    if (implicit())
        return fail(ErrorCode::invalid_request,
                    "acknowledge() is for share.acknowledgement.mode=explicit");
    if (type == AcknowledgeType::gap)
        return fail(ErrorCode::invalid_request, "gap is not for applications");
    if (!delivered_.acknowledge(place, offset, type))
        return fail(ErrorCode::invalid_request,
                    fmt::format("{}-{} at {} is not waiting to be acknowledged", place.topic,
                                place.partition, offset));
    return {};
}

Result<void> ShareConsumer::acknowledge(const ShareBatch& batch, AcknowledgeType type) {
    bool any = false;
    for (const AcquiredRange& range : batch.acquired())
        for (Offset at = range.first; at <= range.last; ++at)
            any = acknowledge(batch.place(), at, type).has_value() || any;
    if (!any) return fail(ErrorCode::invalid_request, "nothing of the batch is to be acknowledged");
    return {};
}

std::vector<PartitionAcknowledgement> ShareConsumer::take_acknowledgements() {
    auto parts = implicit() ? delivered_.take_all(AcknowledgeType::accept) : delivered_.take();
    for (PartitionAcknowledgement& part : parts)
        part.deadline = cluster_.after(config_.client.default_api_timeout);
    return parts;
}

void ShareConsumer::hear(const PartitionAcknowledgement& part, const Result<void>& result) {
    if (!result && part.renews()) delivered_.forget(part);
    if (part.commit) {
        Result<void>& said = part.commit->results[part.place];
        if (said) said = result;
        if (--part.commit->waiting == 0) part.commit->settled.notify();
    }
    if (!callback_) return;
    outcomes_.push_back({part, result, cluster_.loop().now()});
    fetches_.for_application.put();
}

void ShareConsumer::note_failure(Error error) {
    if (!failure_) {
        failed_at_ = cluster_.loop().now();
        fetches_.for_application.put();
    }
    failure_ = std::move(error);
    if (fetcher_) fetcher_->filled.notify();
}

void ShareConsumer::call_back() {
    if (outcomes_.empty()) return;
    const auto began = cluster_.loop().read_clock();
    while (!outcomes_.empty()) {
        const Outcome outcome = std::move(outcomes_.front());
        outcomes_.pop_front();
        fetches_.for_application.taken(outcome.at, cluster_.loop().now());
        if (callback_) callback_(outcome.part.place, outcome.part.ranges, outcome.result);
    }
    const auto now = cluster_.loop().read_clock();
    fetches_.for_application.work.record(now, now - began);
}

runtime::Task<Result<ShareConsumer::CommitResults>> ShareConsumer::commit() {
    if (!membership_) co_return fail(ErrorCode::invalid_request, "subscribe to something first");
    auto parts = take_acknowledgements();
    const auto commit = std::make_shared<ShareCommit>();
    commit->waiting = parts.size();
    std::set<TopicPartition> places;
    for (PartitionAcknowledgement& part : parts) {
        part.commit = commit;
        places.insert(part.place);
    }
    const auto deadline = cluster_.after(config_.client.default_api_timeout);
    runtime::Subscriber waiting{cluster_.loop()};
    waiting.subscribe(commit->settled);
    fetcher_->acknowledge(std::move(parts));
    while (commit->waiting > 0)
        if (!co_await waiting.wait_until(deadline)) break;
    call_back();
    CommitResults out = commit->results;
    if (commit->waiting > 0)
        for (const TopicPartition& place : places)
            out.try_emplace(place, fail(ErrorCode::deadline_exceeded, "no answer in time"));
    co_return std::move(out);
}

void ShareConsumer::commit_async() {
    if (fetcher_) fetcher_->acknowledge(take_acknowledgements());
}

std::optional<std::chrono::milliseconds> ShareConsumer::lock_timeout() const {
    if (!fetcher_ || fetcher_->lock_timeout().count() == 0) return std::nullopt;
    return fetcher_->lock_timeout();
}

MetricList ShareConsumer::metrics() const {
    const auto now = cluster_.loop().now();
    MetricList out = cluster_.metrics("consumer");
    out.begin_group("consumer-share-metrics");
    polls_.add(out, now);
    fetches_.add_events(out, now);
    cluster_.loop_watch().add_rounds(out);
    add_unsent(out, *cluster_.traffic(), now);
    out.begin_group("consumer-share-fetch-manager-metrics");
    fetches_.add(out, now);
    out.begin_group("consumer-share-coordinator-metrics");
    add_heartbeats(out, link_.stats, now);
    out.count_all();
    return out;
}

Telemetry::Labels ShareConsumer::labels() const {
    Telemetry::Labels out{{"group_id", config_.group_id}};
    if (membership_) out["group_member_id"] = membership_->id();
    if (!config_.client_rack.empty()) out["client_rack"] = config_.client_rack;
    return out;
}

// Leaving

runtime::Task<void> ShareConsumer::leave(runtime::TimePoint deadline) {
    if (!membership_) co_return;
    // Implicit: the last poll's records were perhaps not processed.
    auto parts = delivered_.take_all(AcknowledgeType::release);
    for (PartitionAcknowledgement& part : parts) part.deadline = deadline;
    fetcher_->acknowledge(std::move(parts));
    co_await fetcher_->close(deadline);
    co_await membership_->leave(deadline);
    membership_.reset();
    fetcher_.reset();
    subscription_.clear();
    call_back();
}

runtime::Task<Result<void>> ShareConsumer::unsubscribe() {
    co_await leave(cluster_.after(config_.client.request_timeout));
    co_return {};
}

runtime::Task<Result<void>> ShareConsumer::close(Duration patience) {
    const auto deadline = cluster_.loop().now() + patience;
    co_await leave(deadline);
    co_await telemetry_.close(deadline);
    co_return {};
}

}  // namespace millrace::client
