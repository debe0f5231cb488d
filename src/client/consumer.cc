#include "client/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "client/classic_membership.h"
#include "client/consumer_membership.h"

namespace millrace::client {
namespace {

// For a commit that a rebalance waits for: the whole group waits with it.
constexpr std::chrono::seconds kCommitBeforeRevocation{5};

}  // namespace

Consumer::Consumer(runtime::Context context, ConsumerConfig config)
    : config_(std::move(config)),
      cluster_(context, config_.client),
      link_(cluster_, config_.group_id),
      commits_(cluster_, link_, config_, identity_),
      next_auto_commit_(cluster_.after(config_.auto_commit_interval)),
      positions_(std::make_unique<Positions>(cluster_, config_, table_, commits_)),
      fetcher_(std::make_unique<Fetcher>(cluster_, config_, table_)),
      telemetry_(
          cluster_, [this] { return metrics(); }, [this] { return labels(); }),
      tasks_(context.loop) {}

Consumer::~Consumer() = default;

// What to read

Result<void> Consumer::assign(std::vector<TopicPartition> partitions) {
    if (membership_)
        return fail(ErrorCode::invalid_request, "subscribed consumers are given their partitions");
    table_.assign(partitions);
    return {};
}

Result<void> Consumer::subscribe(std::vector<std::string> topics,
                                 std::shared_ptr<RebalanceListener> listener) {
    std::ranges::sort(topics);
    const auto repeated = std::ranges::unique(topics);
    topics.erase(repeated.begin(), repeated.end());
    if (topics.empty() || topics.front().empty())
        return fail(ErrorCode::invalid_topic_exception, "a topic without a name, or no topic");
    return subscribe_to({.topics = std::move(topics), .pattern = {}}, std::move(listener));
}

Result<void> Consumer::subscribe(TopicPattern pattern,
                                 std::shared_ptr<RebalanceListener> listener) {
    return subscribe_to({.topics = {}, .pattern = std::move(pattern)}, std::move(listener));
}

Result<void> Consumer::subscribe_to(Subscription wanted,
                                    std::shared_ptr<RebalanceListener> listener) {
    if (config_.group_id.empty())
        return fail(ErrorCode::invalid_group_id, "a subscription needs a group.id");
    if (!membership_ && !table_.all().empty())
        return fail(ErrorCode::invalid_request, "partitions were assigned by hand");
    subscription_ = std::move(wanted);
    listener_ = std::move(listener);
    if (!membership_) membership_ = make_membership();
    membership_->set_listener(listener_);
    membership_->subscribe(subscription_);
    return {};
}

std::unique_ptr<GroupMembership> Consumer::make_membership() {
    MembershipContext context{
        .cluster = cluster_,
        .link = link_,
        .config = config_,
        .table = table_,
        .gate = gate_,
        .identity = identity_,
        .commit_before_revocation =
            [this] [[clang::coro_wrapper]] { return commit_before_revocation(); },
        .listener = nullptr,
        .in_poll = [this] { return in_poll_; }};
    if (config_.group_protocol == GroupProtocol::consumer)
        return std::make_unique<ConsumerMembership>(std::move(context));
    return std::make_unique<ClassicMembership>(std::move(context));
}

Result<void> Consumer::enforce_rebalance(std::string reason) {
    constexpr size_t kReasonMax = 255;
    if (config_.group_id.empty())
        return fail(ErrorCode::invalid_group_id, "a rebalance needs a group.id");
    if (!membership_) return {};
    if (reason.empty()) reason = "the application asked for it";
    if (reason.size() > kReasonMax) {
        size_t end = kReasonMax;
        while (end > 0 && (static_cast<uint8_t>(reason[end]) & 0xC0) == 0x80)
            --end;  // whole characters
        reason.resize(end);
    }
    if (!membership_->enforce_rebalance(std::move(reason)))
        LOG_WARN("client", "group {}: members of the consumer protocol cannot enforce a rebalance",
                 config_.group_id);
    return {};
}

runtime::Task<Result<void>> Consumer::unsubscribe() {
    co_await give_all_back();
    if (membership_) {
        co_await membership_->leave(cluster_.after(config_.client.request_timeout));
        membership_.reset();
        gate_.forget();
        identity_ = {};
    }
    subscription_ = {};
    listener_.reset();
    co_return {};
}

runtime::Task<void> Consumer::give_all_back() {
    const auto places = table_.places();
    if (membership_ && !places.empty()) {
        co_await commit_before_revocation();
        co_await tell(listener_, link_, Change::revoked, places);
    }
    table_.assign({});
}

// Reading

runtime::Task<Result<std::vector<RecordBatch>>> Consumer::poll(Duration patience) {
    runtime::Loop& loop = cluster_.loop();
    const auto deadline = loop.now() + patience;
    if (membership_) membership_->polled();
    auto_commit();
    polls_.began(loop.now());
    in_poll_ = true;
    runtime::Subscriber waiting{loop};
    waiting.subscribe(table_.filled);
    waiting.subscribe(gate_.changed);
    waiting.subscribe(wake_);
    Result<std::vector<RecordBatch>> out{};
    for (;;) {
        while (gate_.wanted()) co_await gate_.serve();
        if (auto error = table_.take_error()) {
            out = *std::move(error);
            break;
        }
        out = fetcher_->take(config_.max_poll_records);
        if (!out || !out->empty()) break;
        if (std::exchange(woken_, false) || loop.now() >= deadline) break;
        co_await waiting.wait_until(deadline);
    }
    in_poll_ = false;
    polls_.ended(loop.now());
    if (membership_) membership_->polled();
    co_return std::move(out);
}

void Consumer::wake() {
    woken_ = true;
    wake_.notify();
}

// Commits

CommittedOffsets Consumer::consumed() const {
    CommittedOffsets out;
    for (const auto& [place, p] : table_.all()) {
        if (p->position.offset >= 0) out[place] = {p->position.offset, p->position.epoch, {}};
    }
    return out;
}

runtime::Task<Result<void>> Consumer::commit() {
    co_return co_await commit(consumed());
}

runtime::Task<Result<void>> Consumer::commit(CommittedOffsets offsets) {
    if (config_.group_id.empty())
        co_return fail(ErrorCode::invalid_group_id, "a commit needs a group.id");
    co_return co_await timed(cluster_.loop(), commit_time_,
                             commits_.commit(std::move(offsets), api_deadline()));
}

runtime::Task<Result<CommittedOffsets>> Consumer::committed(
    std::vector<TopicPartition> partitions) {
    if (config_.group_id.empty())
        co_return fail(ErrorCode::invalid_group_id, "commits need a group.id");
    co_return co_await timed(cluster_.loop(), committed_time_,
                             commits_.fetch(std::move(partitions), api_deadline()));
}

void Consumer::auto_commit() {
    if (!config_.auto_commit || config_.group_id.empty() || committing_) return;
    if (cluster_.loop().now() < next_auto_commit_) return;
    next_auto_commit_ = cluster_.after(config_.auto_commit_interval);
    CommittedOffsets offsets = consumed();
    if (offsets.empty()) return;
    committing_ = true;
    tasks_.spawn(commit_in_background(std::move(offsets)));
}

runtime::Task<void> Consumer::commit_in_background(CommittedOffsets offsets) {
    const auto done = co_await commits_.commit(std::move(offsets), api_deadline());
    if (!done) LOG_WARN("client", "auto commit failed: {}", done.error().describe());
    committing_ = false;
}

runtime::Task<void> Consumer::commit_before_revocation() {
    if (!config_.auto_commit || config_.group_id.empty()) co_return;
    const auto done = co_await commits_.commit(consumed(), cluster_.after(kCommitBeforeRevocation));
    if (!done) LOG_WARN("client", "commit before a rebalance failed: {}", done.error().describe());
}

// Positions

Result<PartitionPtr> Consumer::assigned(const TopicPartition& partition) const {
    if (auto p = table_.find(partition)) return p;
    return fail(ErrorCode::invalid_request,
                fmt::format("{}-{} is not assigned", partition.topic, partition.partition));
}

Result<void> Consumer::seek(const TopicPartition& partition, Offset offset, LeaderEpoch epoch) {
    TRY(const PartitionPtr p, assigned(partition));
    if (offset < 0) return fail(ErrorCode::invalid_request, "offsets begin at 0");
    // Already there: what was fetched ahead stays, and nothing waits for the fetch that is under way.
    if (p->need == PartitionState::Need::nothing && p->position.offset == offset &&
        (epoch < 0 || epoch == p->position.epoch))
        return {};
    table_.jump(*p, {offset, epoch});
    return {};
}

Result<void> Consumer::lose_all(std::span<const TopicPartition> partitions, TimestampMs place) {
    for (const TopicPartition& partition : partitions) {
        TRY(const PartitionPtr p, assigned(partition));
        table_.lose(*p, PartitionState::Need::reset, place);
    }
    return {};
}

Result<void> Consumer::seek_to_beginning(std::span<const TopicPartition> partitions) {
    return lose_all(partitions, kEarliest);
}

Result<void> Consumer::seek_to_end(std::span<const TopicPartition> partitions) {
    return lose_all(partitions, kLatest);
}

Result<void> Consumer::pause(std::span<const TopicPartition> partitions) {
    for (const TopicPartition& partition : partitions) {
        TRY(const PartitionPtr p, assigned(partition));
        table_.pause(*p, true);
    }
    return {};
}

Result<void> Consumer::resume(std::span<const TopicPartition> partitions) {
    for (const TopicPartition& partition : partitions) {
        TRY(const PartitionPtr p, assigned(partition));
        table_.pause(*p, false);
    }
    return {};
}

runtime::Task<Result<Offset>> Consumer::position(TopicPartition partition) {
    const auto deadline = api_deadline();
    runtime::Subscriber waiting{cluster_.loop()};
    waiting.subscribe(table_.changed);
    for (;;) {
        CO_TRY(const PartitionPtr p, assigned(partition));
        if (p->position.offset >= 0) co_return p->position.offset;
        if (!co_await waiting.wait_until(deadline))
            co_return fail(ErrorCode::deadline_exceeded, "no position was found in time");
    }
}

std::optional<int64_t> Consumer::lag(const TopicPartition& partition) const {
    const PartitionPtr p = table_.find(partition);
    if (!p || p->position.offset < 0) return std::nullopt;
    const Offset end =
        config_.isolation == IsolationLevel::read_committed ? p->last_stable : p->high_watermark;
    if (end < 0) return std::nullopt;
    return std::max<int64_t>(0, end - p->position.offset);
}

Telemetry::Labels Consumer::labels() const {
    Telemetry::Labels out;
    if (!config_.group_id.empty()) out["group_id"] = config_.group_id;
    if (!config_.group_instance_id.empty()) out["group_instance_id"] = config_.group_instance_id;
    if (!identity_.id.empty()) out["group_member_id"] = identity_.id;
    if (!config_.client_rack.empty()) out["client_rack"] = config_.client_rack;
    return out;
}

// Offsets of any partition

runtime::Task<Result<OffsetAnswers>> Consumer::offsets_for_times(OffsetQueries queries) {
    co_return co_await list_offsets(cluster_, std::move(queries), config_.isolation,
                                    api_deadline());
}

runtime::Task<Result<std::map<TopicPartition, Offset>>> Consumer::ends(
    std::vector<TopicPartition> partitions, TimestampMs place) {
    OffsetQueries queries;
    for (TopicPartition& partition : partitions) queries.emplace(std::move(partition), place);
    CO_TRY(const OffsetAnswers answers, co_await offsets_for_times(std::move(queries)));
    std::map<TopicPartition, Offset> out;
    for (const auto& [partition, at] : answers) out.emplace(partition, at.offset);
    co_return out;
}

runtime::Task<Result<std::map<TopicPartition, Offset>>> Consumer::beginning_offsets(
    std::vector<TopicPartition> partitions) {
    co_return co_await ends(std::move(partitions), kEarliest);
}

runtime::Task<Result<std::map<TopicPartition, Offset>>> Consumer::end_offsets(
    std::vector<TopicPartition> partitions) {
    co_return co_await ends(std::move(partitions), kLatest);
}

runtime::Task<Result<void>> Consumer::close(Duration patience) {
    const auto deadline = cluster_.loop().now() + patience;
    Result<void> done{};
    // Partitions that it has lost are others' to commit.
    const bool lost = identity_.lost();
    if (config_.auto_commit && !config_.group_id.empty() && !lost)
        done = co_await commits_.commit(consumed(), deadline);
    const auto places = table_.places();
    if (membership_ && !places.empty())
        co_await tell(listener_, link_, lost ? Change::lost : Change::revoked, places);
    table_.assign({});
    if (membership_) co_await membership_->leave(deadline);
    membership_.reset();
    co_await telemetry_.close(deadline);
    fetcher_.reset();
    positions_.reset();
    co_return done;
}

}  // namespace millrace::client
