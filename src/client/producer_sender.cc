#include "client/producer_sender.h"

namespace millrace::client {
namespace {

// From these on, in Produce.
constexpr int16_t kTopicIds = 13;
// The newest that does not make a partition part of the transaction by itself (KIP-890).
constexpr int16_t kBeforeImplicitTransactions = 11;

}  // namespace

runtime::Task<void> ProducerSender::run() {
    runtime::Loop& loop = cluster_.loop();
    runtime::Hook on_change{[](void* self) {
                                auto& sender = *static_cast<ProducerSender*>(self);
                                sender.accumulator_.metadata_changed();
                                sender.schedule_.wanted().set();
                            },
                            this};
    cluster_.metadata_changed().add(on_change);
    for (;;) {
        schedule_.wanted().reset();
        throttled_until_ = runtime::kNever;
        schedule_.advance(loop.now());
        expire();
        keep_identity();
        if (session_.broken()) {
            give_up_all(*session_.broken());
        } else if (transactions && transactions->state() == Transactions::State::failed) {
            give_up_all(transactions->failure());
        } else if (session_.ready()) {
            for (const NodeId node : schedule_.leaders()) drain(node);
        }
        co_await schedule_.wanted().wait_until(loop, next_look());
    }
}

runtime::TimePoint ProducerSender::next_look() {
    ProducerBatch* const oldest = accumulator_.oldest();
    if (oldest == nullptr) return schedule_.next_time();  // which may look at an empty queue
    // A batch that is under way may be older than it should be.
    const auto expires = std::max(oldest->created + config_.delivery_timeout,
                                  cluster_.after(config_.client.retry_backoff));
    return std::min({schedule_.next_time(), expires, throttled_until_});
}

void ProducerSender::drain(NodeId node) {
    Target& target = targets_[node];
    if (target.connecting) return;
    if (!target.connection || !target.connection->open()) {
        target.connecting = true;
        tasks_.spawn(connect(node));
        return;
    }
    while (target.in_flight < config_.max_in_flight) {
        if (target.connection->throttled_until() > cluster_.loop().now()) {
            throttled_until_ = std::min(throttled_until_, target.connection->throttled_until());
            return;
        }
        Batches batches = collect(node);
        if (batches.empty()) return;
        start(node, std::move(batches));
    }
}

// Waits the back-off after a failure. What is queued stays where it is, or goes to another broker
// when the metadata says so.
runtime::Task<void> ProducerSender::connect(NodeId node) {
    const auto connection =
        co_await cluster_.connection(node, cluster_.after(config_.client.request_timeout));
    // A leader of which no address is known costs no attempt, so there is no back-off either.
    if (connection.code() == ErrorCode::broker_not_available)
        co_await cluster_.loop().sleep_for(config_.client.retry_backoff);
    Target& target = targets_[node];
    target.connecting = false;
    target.connection = connection ? *connection : nullptr;
    schedule_.wanted().set();
}

// At most one batch of each partition, as the protocol has it.
ProducerSender::Batches ProducerSender::collect(NodeId node) {
    Batches out;
    size_t bytes = 0;
    std::vector<PartitionQueue*> again;
    while (PartitionQueue* queue = schedule_.take(node)) {
        mend(*queue);
        const ProducerBatch* next = queue->next(static_cast<size_t>(config_.max_in_flight));
        if (next == nullptr || !due(*next)) continue;
        if (queue->not_before > cluster_.loop().now()) {
            schedule_.look_at(queue->not_before, *queue);
            continue;
        }
        if (transactions && !transactions->may_send(*queue)) continue;
        const size_t size = next->bytes ? next->bytes->size() : next->builder.size_bytes();
        if (!out.empty() && bytes + size > static_cast<size_t>(config_.max_request_size)) {
            again.push_back(queue);
            break;
        }
        const BatchRef batch = queue->take_next(session_.identity(), transactions != nullptr);
        if (const auto sealed = seal(batch); !sealed) {
            queue->settle(batch, false);
            fail_batch(batch, sealed.error());
            continue;
        }
        bytes += batch->bytes->size();
        out.push_back(batch);
        if (queue->next(static_cast<size_t>(config_.max_in_flight))) again.push_back(queue);
    }
    for (PartitionQueue* queue : again) schedule_.look(*queue);
    return out;
}

bool ProducerSender::due(const ProducerBatch& batch) const {
    return batch.closed || batch.attempts > 0 ||
           batch.created + config_.linger <= cluster_.loop().now();
}

// The batch as bytes, under the identity and sequence that it has now.
Result<void> ProducerSender::seal(const BatchRef& batch) {
    if (!batch->bytes) {
        batch->builder.set_producer(batch->identity.id, batch->identity.epoch,
                                    batch->base_sequence);
        batch->plain_bytes = batch->builder.size_bytes();
        TRY(auto bytes, batch->builder.finish());
        batch->bytes = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
        return {};
    }
    TRY(auto view, protocol::MutableBatchView::parse(*batch->bytes));
    if (view.producer_id() == batch->identity.id &&
        view.producer_epoch() == batch->identity.epoch &&
        view.base_sequence() == batch->base_sequence)
        return {};
    // A connection may still have the old bytes.
    batch->bytes = std::make_shared<std::vector<uint8_t>>(*batch->bytes);
    TRY(view, protocol::MutableBatchView::parse(*batch->bytes));
    view.set_producer(batch->identity.id, batch->identity.epoch, batch->base_sequence);
    return {};
}

// A broker that does not know conditions would append in any case.
void ProducerSender::give_back_conditional(Batches& batches) {
    const auto conditional = [](const BatchRef& batch) { return batch->expected_end_offset >= 0; };
    Batches refused;
    std::ranges::copy_if(batches, std::back_inserter(refused), conditional);
    std::erase_if(batches, conditional);
    give_back(refused,
              fail(ErrorCode::unsupported_version, "the broker does not know append on condition"));
}

// The requests of a broker leave here, in the order in which they were collected.
void ProducerSender::start(NodeId node, Batches batches) {
    Target& target = targets_[node];
    BrokerConnection& connection = *target.connection;
    if (!connection.versions().keeps_conditions()) give_back_conditional(batches);
    if (batches.empty()) return;
    const int16_t at_most =
        transactions && !transactions->implicit() ? kBeforeImplicitTransactions : INT16_MAX;
    note_start(batches);
    const auto version = connection.versions().pick(protocol::ApiKey::produce, at_most);
    if (!version) return give_back(batches, version.error());
    const auto request = request_of(batches, *version);
    if (!request) return give_back(batches, request.error());
    if (config_.acks == 0) {
        const auto sent = connection.send(*request, *version);
        if (!sent) return give_back(batches, sent.error());
        for (const BatchRef& batch : batches) take_answer(batch, {.base_offset = -1});
        return;
    }
    auto sent = connection.start(*request, *version);
    if (!sent) return give_back(batches, sent.error());
    ++target.in_flight;
    tasks_.spawn(await_answer(node, target.connection, *std::move(sent), batches));
}

void ProducerSender::note_start(const Batches& batches) {
    const auto now = cluster_.loop().now();
    ++stats_.requests;
    int64_t records = 0;
    for (const BatchRef& batch : batches) {
        records += batch->count;
        if (batch->attempts == 1) stats_.queue_time.record(now, now - batch->created);
        const SentBatch sent{static_cast<uint64_t>(batch->count), batch->bytes->size(),
                             batch->plain_bytes};
        stats_.counts.send(now, sent);
        batch->queue.counts->send(now, sent);
        stats_.record_bytes.record_many(
            now, sent.records, static_cast<double>(sent.plain_bytes - protocol::kBatchHeaderBytes),
            static_cast<double>(batch->record_bytes_max));
    }
    stats_.request_records.record(now, static_cast<double>(records));
}

void ProducerSender::Stats::add(MetricList& out, runtime::TimePoint now) const {
    counts.add(out, now);
    out.meter("batch-split", cuts.frequency(now), cut);
    out.gauge("batch-size-avg", counts.batch_bytes.average(now));
    out.gauge("batch-size-max", counts.batch_bytes.max(now));
    out.gauge("compression-rate-avg", counts.compression.average(now));
    out.gauge("record-size-avg", record_bytes.average(now));
    out.gauge("record-size-max", record_bytes.max(now));
    out.gauge("records-per-request-avg", request_records.average(now));
    out.gauge("record-queue-time-avg", queue_time.average(now));
    out.gauge("record-queue-time-max", queue_time.max(now));
    out.gauge("produce-throttle-time-avg", throttle.average(now));
    out.gauge("produce-throttle-time-max", throttle.max(now));
    out.gauge("request-latency-avg", latency.average(now));
    out.gauge("request-latency-max", latency.max(now));
}

runtime::Task<void> ProducerSender::await_answer(NodeId node, ConnectionPtr connection,
                                                 BrokerConnection::Sent sent, Batches batches) {
    const auto began = cluster_.loop().now();
    const auto reply = co_await connection->answer<protocol::ProduceResponse>(
        std::move(sent), cluster_.after(config_.client.request_timeout));
    --targets_[node].in_flight;
    schedule_.wanted().set();
    if (reply) {
        const auto now = cluster_.loop().now();
        stats_.latency.record(now, now - began);
        stats_.throttle.record(now, static_cast<double>((*reply)->throttle_time_ms));
        take_answers(batches, reply->body);
    } else {
        give_back(batches, reply.error());
    }
}

Result<protocol::ProduceRequest> ProducerSender::request_of(const Batches& batches,
                                                            int16_t version) const {
    protocol::ProduceRequest request;
    request.acks = config_.acks;
    request.timeout_ms = static_cast<int32_t>(config_.client.request_timeout.count());
    request.transactional_id.reset();
    if (!config_.transactional_id.empty())
        request.transactional_id = protocol::Str::borrow(config_.transactional_id);
    std::map<std::string_view, size_t> places;
    for (const BatchRef& batch : batches) {
        const PartitionQueue& queue = batch->queue;
        const auto [place, added] = places.emplace(queue.topic, request.topic_data.size());
        if (added) {
            auto& topic = request.topic_data.emplace_back();
            topic.name = protocol::Str::borrow(queue.topic);
            if (const TopicPtr known = cluster_.metadata().topic(queue.topic))
                topic.topic_id = known->id;
        }
        auto& data = request.topic_data[place->second].partition_data.emplace_back();
        data.index = queue.partition;
        data.records.emplace(SharedBytes{batch->bytes, ByteView{*batch->bytes}});
        data.expected_end_offset = batch->expected_end_offset;
    }
    for (auto& topic : request.topic_data) {
        if (version >= kTopicIds) topic.name = {};
        if (version >= kTopicIds && topic.topic_id.is_zero())
            return fail(ErrorCode::unknown_topic_id);
        if (version < kTopicIds) topic.topic_id = {};
    }
    return request;
}

// After a gap the partition begins anew, under the next epoch. A transaction cannot go on; the next
// one has that epoch.
void ProducerSender::mend(PartitionQueue& queue) {
    if (!queue.wants_restart()) return;
    const bool same = queue.identity() == session_.identity();
    if (same && transactions) return;
    if (same && !session_.raise_epoch()) {
        schedule_.look_at(cluster_.after(config_.client.retry_backoff), queue);
        return;
    }
    queue.restart(session_.identity());
}

void ProducerSender::keep_identity() {
    if (session_.ready() || acquiring_ || session_.broken() || accumulator_.empty()) return;
    if (transactions) return;  // asked for by init_transactions()
    acquiring_ = true;
    tasks_.spawn(acquire_identity());
}

runtime::Task<void> ProducerSender::acquire_identity() {
    const auto acquired =
        co_await session_.acquire(cluster_.after(config_.client.default_api_timeout));
    acquiring_ = false;
    schedule_.wanted().set();
    if (acquired || acquired.code() == ErrorCode::deadline_exceeded) co_return;
    session_.fail_for_good(acquired.error());
}

}  // namespace millrace::client
