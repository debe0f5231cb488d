#include "client/accumulator.h"

#include <fmt/format.h>

#include "client/partitioner.h"

namespace millrace::client {
namespace {

// Numbers for the parts of a batch that is cut again and again.
constexpr uint64_t kOrderGap = uint64_t{1} << 24;

}  // namespace

Accumulator::Topic* Accumulator::find(std::string_view name) {
    if (last_ && last_->info->name == name) return last_;
    if (const auto found = topics_.find(std::string(name)); found != topics_.end())
        return last_ = found->second.get();
    TopicPtr info = cluster_.find_topic(name);
    if (!info) return nullptr;
    auto topic = std::make_unique<Topic>();
    topic->info = std::move(info);
    add_queues(*topic);
    return last_ = topics_.emplace(name, std::move(topic)).first->second.get();
}

// As many as there are partitions now.
void Accumulator::add_queues(Topic& topic) {
    for (size_t i = topic.queues.size(); i < topic.info->partitions.size(); ++i) {
        topic.queues.push_back(
            std::make_unique<PartitionQueue>(topic.info->name, static_cast<PartitionIndex>(i)));
        topic.queues.back()->counts = &topic.counts;
    }
}

bool Accumulator::knows(std::string_view topic) const {
    return cluster_.metadata().topic(topic) != nullptr;
}

// The partition with the shortest queue more likely than others, among those that have a leader.
PartitionIndex Accumulator::next_sticky(const Topic& topic) {
    const size_t count = topic.info->partitions.size();
    Rng& rng = cluster_.loop().rng();
    uint64_t longest = 0;
    if (config_.adaptive)
        for (const auto& queue : topic.queues)
            longest = std::max<uint64_t>(longest, queue->pending() + queue->in_flight());
    const auto weight = [&](size_t i) -> uint64_t {
        if (topic.info->partitions[i].leader < 0) return 0;
        if (!config_.adaptive) return 1;
        return longest + 1 - (topic.queues[i]->pending() + topic.queues[i]->in_flight());
    };
    uint64_t total = 0;
    for (size_t i = 0; i != count; ++i) total += weight(i);
    if (total == 0) return static_cast<PartitionIndex>(rng.below(count));
    uint64_t at = rng.below(total);
    for (size_t i = 0; i != count; ++i) {
        if (at < weight(i)) return static_cast<PartitionIndex>(i);
        at -= weight(i);
    }
    return 0;
}

Result<PartitionIndex> Accumulator::choose(Topic& topic, const Record& record) {
    const auto count = static_cast<PartitionIndex>(topic.info->partitions.size());
    PartitionIndex chosen = record.partition;
    if (chosen < 0 && config_.partitioner)
        chosen = config_.partitioner->partition(record, *topic.info);
    if (chosen >= 0) {
        if (chosen < count) return chosen;
        return fail(ErrorCode::invalid_request,
                    fmt::format("topic '{}' has no partition {}, it has {}", topic.info->name,
                                chosen, count));
    }
    if (record.key && config_.partition_by_key) return partition_for_key(*record.key, count);
    if (topic.sticky < 0 || topic.sticky >= count ||
        topic.sticky_bytes >= std::max(config_.batch_size, 1)) {
        topic.sticky = next_sticky(topic);
        topic.sticky_bytes = 0;
    }
    return topic.sticky;
}

Result<Delivery> Accumulator::append(const Record& record) {
    return append_to(record, std::nullopt);
}

Result<Delivery> Accumulator::append_if(const Record& record, Offset expected_end) {
    return append_to(record, expected_end);
}

Result<Delivery> Accumulator::append_to(const Record& record, std::optional<Offset> expected_end) {
    Topic* topic = find(record.topic);
    if (topic == nullptr || topic->info->partitions.empty()) return fail(ErrorCode::would_block);
    const size_t bytes = protocol::BatchBuilder::record_size_max(
        record.key ? record.key->size() : 0, record.value ? record.value->size() : 0,
        record.headers);
    const size_t limit = std::min<uint64_t>(config_.max_request_size, config_.buffer_memory);
    if (bytes + protocol::kBatchHeaderBytes > limit)
        return fail(ErrorCode::message_too_large,
                    fmt::format("a record of {} bytes is above max.request.size={} or "
                                "buffer.memory={}",
                                bytes, config_.max_request_size, config_.buffer_memory));
    TRY(const PartitionIndex partition, choose(*topic, record));
    PartitionQueue& queue = *topic->queues[static_cast<size_t>(partition)];
    TRY(ProducerBatch* const batch, batch_for(*topic, queue, bytes, expected_end.has_value()));
    const TimestampMs timestamp =
        record.timestamp >= 0 ? record.timestamp : cluster_.loop().wall_ms();
    const size_t size_before = batch->builder.size_bytes();
    batch->builder.append(timestamp, record.key, record.value, record.headers);
    if (partition == topic->sticky) topic->sticky_bytes += static_cast<int64_t>(bytes);
    const int32_t index = batch->count++;
    batch->record_bytes_max =
        std::max(batch->record_bytes_max, batch->builder.size_bytes() - size_before);
    if (expected_end) {
        batch->expected_end_offset = *expected_end;
        batch->closed = true;
        schedule_.look(queue);
    } else if (batch->builder.size_bytes() >= static_cast<size_t>(config_.batch_size)) {
        batch->closed = true;
        schedule_.look(queue);
    }
    return Delivery{BatchRef{batch}, index};
}

Result<ProducerBatch*> Accumulator::batch_for(Topic& topic, PartitionQueue& queue,
                                              size_t record_bytes, bool alone) {
    if (ProducerBatch* open = queue.open_batch()) {
        const size_t after = open->builder.size_bytes() + record_bytes;
        if (!alone && after <= static_cast<size_t>(config_.batch_size)) return open;
        open->closed = true;
        schedule_.look(queue);
    }
    const int64_t charged = std::max<int64_t>(
        config_.batch_size, static_cast<int64_t>(record_bytes + protocol::kBatchHeaderBytes));
    if (used_ + charged > config_.buffer_memory) return fail(ErrorCode::would_block);
    // Keeps the topic among those that the client asks about.
    if (TopicPtr info = cluster_.find_topic(topic.info->name)) topic.info = std::move(info);
    BatchRef batch = make_batch(queue, charged);
    batch->builder.reserve(static_cast<size_t>(charged));
    undelivered_.push_back(*batch);
    queue.push(batch);
    schedule_.look_at(batch->created + config_.linger, queue);
    return &*batch;
}

BatchRef Accumulator::make_batch(PartitionQueue& queue, int64_t charged) {
    protocol::BatchOptions options;
    options.codec = config_.compression;
    options.levels = config_.compression_levels;
    options.transactional = transactional;
    BatchRef batch{new ProducerBatch(queue, queue.partition, std::move(options))};
    batch->order = next_order_ += kOrderGap;
    batch->order_gap = kOrderGap;
    batch->created = cluster_.loop().now();
    batch->charged = charged;
    used_ += charged;
    return batch;
}

std::vector<BatchRef> Accumulator::close_batches() {
    std::vector<BatchRef> out = undelivered();
    for (const BatchRef& batch : out) {
        if (!std::exchange(batch->closed, true)) schedule_.look(batch->queue);
    }
    return out;
}

std::vector<BatchRef> Accumulator::undelivered() {
    std::vector<BatchRef> out;
    undelivered_.for_each([&](ProducerBatch& batch) { out.emplace_back(&batch); });
    return out;
}

void Accumulator::finish(ProducerBatch& batch) {
    if (batch.done.is_set()) return;
    used_ -= std::exchange(batch.charged, 0);
    batch.bytes.reset();
    const BatchRef alive{&batch};
    batch.unlink();
    batch.done.set();
    room_.notify();
}

Result<void> Accumulator::split(const BatchRef& batch) {
    const int64_t charged = batch->charged / 2;
    TRY(const auto view, protocol::BatchView::parse(*batch->bytes));
    BatchRef halves[2] = {make_batch(batch->queue, charged), make_batch(batch->queue, charged)};
    const int32_t first_count = batch->count / 2;
    std::vector<uint8_t> scratch;
    int32_t index = 0;
    TRY_OK(protocol::for_each_record(view, scratch, [&](const protocol::RecordView& record) {
        ProducerBatch& half = *halves[index++ < first_count ? 0 : 1];
        std::vector<RecordHeader> headers;
        for (const RecordHeader& header : record.headers) headers.push_back(header);
        half.builder.append(record.timestamp, record.key, record.value, headers);
        half.record_bytes_max = batch->record_bytes_max;
        ++half.count;
    }));
    batch->queue.replace(batch, halves[0], halves[1]);
    for (const BatchRef& half : halves) {
        half->closed = true;
        // In the old one's place, as it is as old.
        undelivered_.insert_before(*batch, *half);
    }
    batch->first_half = halves[0];
    batch->second_half = halves[1];
    schedule_.look(batch->queue);
    finish(*batch);
    return {};
}

void Accumulator::metadata_changed() {
    for (auto& [name, topic] : topics_) {
        TopicPtr info = cluster_.metadata().topic(name);
        if (!info) continue;
        topic->info = std::move(info);
        // Partitions are only ever added, unless the topic was made anew; what is queued for those
        // that are gone then fails.
        add_queues(*topic);
    }
    schedule_.metadata_changed();
}

}  // namespace millrace::client
