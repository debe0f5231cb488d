#include "sim/client/cluster/stand_in_coordinators.h"

#include "protocol/record_batch_builder.h"

namespace millrace::sim {

Result<std::vector<uint8_t>> marker_batch(const coordinator::Marker& marker, TimestampMs now) {
    protocol::BatchBuilder builder({.producer_id = marker.producer_id,
                                    .producer_epoch = marker.producer_epoch,
                                    .transactional = true,
                                    .control = true});
    builder.append_control(
        now, marker.commit ? protocol::ControlType::commit : protocol::ControlType::abort,
        protocol::encode_end_txn_marker(marker.coordinator_epoch));
    return builder.finish();
}

runtime::Task<Result<Offset>> StandInCoordinatorLog::append(
    std::span<const coordinator::Record> records,
    const std::optional<coordinator::TransactionalWriter>& writer) {
    const TimestampMs now = loop_.wall_ms();
    protocol::BatchOptions options;
    storage::ProducerState::Append how{.origin = protocol::AppendOrigin::coordinator};
    if (writer) {
        options.producer_id = writer->producer_id;
        options.producer_epoch = writer->producer_epoch;
        options.transactional = true;
        how.must_be_verified = writer->must_be_verified;
        how.verification = writer->verification;
    }
    protocol::BatchBuilder builder(options);
    for (const coordinator::Record& record : records)
        builder.append(now, record.key,
                       record.value ? std::optional<ByteView>{*record.value} : std::nullopt);
    CO_TRY(auto batch, builder.finish());
    co_return co_await append(std::move(batch), how);
}

runtime::Task<Result<Offset>> StandInCoordinatorLog::append_marker(
    const coordinator::Marker& marker) {
    CO_TRY(auto batch, marker_batch(marker, loop_.wall_ms()));
    co_return co_await append(std::move(batch),
                              {.origin = protocol::AppendOrigin::coordinator,
                               .transaction_version = marker.transaction_version});
}

runtime::Task<Result<Offset>> StandInCoordinatorLog::append(std::vector<uint8_t> batch,
                                                            storage::ProducerState::Append how) {
    if (partition_.epoch != epoch_) co_return fail(ErrorCode::not_leader_or_follower);
    CO_TRY(const auto appended, partition_.log.append(std::move(batch), epoch_, how));
    cluster_.appended(partition_);
    runtime::Subscriber waiting{loop_};
    waiting.subscribe(partition_.log.changed);
    while (partition_.epoch == epoch_ && partition_.log.high_watermark() <= appended.last)
        co_await waiting.wait();
    if (partition_.epoch != epoch_) co_return fail(ErrorCode::not_leader_or_follower);
    co_return appended.first;
}

runtime::Task<Result<void>> StandInCoordinatorLog::replay(Visitor& visitor) {
    // So that clients meet a coordinator that is loading.
    co_await loop_.sleep_for(cluster_.sim.between(Duration{0}, std::chrono::milliseconds{300}));
    std::vector<uint8_t> scratch;
    const Offset end = partition_.log.high_watermark();
    for (Offset next = 0; next < end;) {
        if (partition_.epoch != epoch_) co_return fail(ErrorCode::not_leader_or_follower);
        const auto bytes = partition_.log.read(next, end, 1 << 20, next);
        CO_TRY_OK(protocol::for_each_batch(bytes, [&](protocol::BatchView batch) -> Result<void> {
            TRY(const auto marker, storage::find_marker(batch));
            if (marker)
                return visitor.marker({.producer_id = batch.producer_id(),
                                       .producer_epoch = batch.producer_epoch(),
                                       .coordinator_epoch = marker->coordinator_epoch,
                                       .commit = !marker->abort,
                                       .offset = batch.base_offset()});
            return protocol::for_each_record(
                batch, scratch, [&](const protocol::RecordView& record) -> Result<void> {
                    return visitor.record(
                        {.offset = record.offset,
                         .key = record.key.value_or(ByteView{}),
                         .value = record.value,
                         .producer_id = batch.is_transactional() ? batch.producer_id() : -1});
                });
        }));
    }
    co_return {};
}

namespace {

class View : public group::ClusterView {
public:
    std::optional<group::TopicInfo> topic(std::string_view name) const override {
        const auto found = topics.find(name);
        if (found == topics.end()) return std::nullopt;
        return found->second;
    }
    std::optional<group::TopicInfo> topic(const Uuid& id) const override {
        for (const auto& [name, info] : topics)
            if (info.id == id) return info;
        return std::nullopt;
    }
    std::vector<std::vector<std::string>> racks(const Uuid&) const override { return {}; }
    void each_topic(const std::function<void(std::string_view)>& fn) const override {
        for (const auto& [name, info] : topics) fn(name);
    }
    group::GroupOverrides overrides(std::string_view) const override { return {}; }
    Offset version() const override { return static_cast<Offset>(topics.size()); }

    std::map<std::string, group::TopicInfo, std::less<>> topics;
};

}  // namespace

std::shared_ptr<const group::ClusterView> view_of(const StandInCluster& cluster) {
    auto out = std::make_shared<View>();
    for (const auto& [name, topic] : cluster.topics())
        out->topics[name] = {name, topic.id, static_cast<int32_t>(topic.partitions.size())};
    return out;
}

}  // namespace millrace::sim
