// What becomes of the batches that were sent: from each answer, or for want of one.
#include <fmt/format.h>

#include "client/backoff.h"
#include "client/producer_sender.h"

namespace millrace::client {
namespace {

bool stale_metadata(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::replica_not_available:
        case ErrorCode::kafka_storage_error:
            return true;
        default:
            return Cluster::network_error(code);
    }
}

// What an error says of a batch that will be sent again. A leader that is deposed, loses its disk or
// is told that the topic is gone while it waits for the replicas has the batch in its log by then.
Fate fate_after(ErrorCode code) {
    switch (code) {
        case ErrorCode::out_of_order_sequence_number:
        case ErrorCode::unknown_producer_id:
            return Fate::absent;
        case ErrorCode::not_enough_replicas:
        case ErrorCode::corrupt_message:
        case ErrorCode::concurrent_transactions:
            return Fate::refused;
        default:
            return Fate::unknown;
    }
}

}  // namespace

void ProducerSender::take_answers(const Batches& batches, const protocol::ProduceResponse& said) {
    std::vector<const Answer*> answers(batches.size());
    for (const auto& topic : said.responses) {
        std::string_view name = topic.name;
        const TopicPtr known = name.empty() ? cluster_.metadata().topic(topic.topic_id) : nullptr;
        if (known) name = known->name;
        for (const Answer& answer : topic.partition_responses)
            for (size_t i = 0; i != batches.size(); ++i)
                if (batches[i]->partition == answer.index && batches[i]->queue.topic == name)
                    answers[i] = &answer;
    }
    for (size_t i = 0; i != batches.size(); ++i) {
        if (abandoned(batches[i])) continue;
        if (answers[i]) {
            take_answer(batches[i], *answers[i]);
        } else {
            // Not answered: as if the connection had failed.
            retry(batches[i], ErrorCode::connection_closed, Fate::unknown);
        }
    }
}

void ProducerSender::take_answer(const BatchRef& batch, const Answer& said) {
    PartitionQueue& queue = batch->queue;
    const auto code = static_cast<ErrorCode>(said.error_code);
    ++stats_.batches;
    stats_.bytes += batch->bytes->size();
    if (code == ErrorCode::none || code == ErrorCode::duplicate_sequence_number) {
        batch->base_offset = code == ErrorCode::none ? said.base_offset : -1;
        batch->append_time = said.log_append_time_ms;
        queue.settle(batch, true);
        stats_.records += static_cast<uint64_t>(batch->count);
        accumulator_.finish(*batch);
        look_on(queue);
        return;
    }
    if (said.current_leader.leader_id >= 0)
        cluster_.move_leader({queue.topic, queue.partition}, said.current_leader.leader_id,
                             said.current_leader.leader_epoch);
    if (code == ErrorCode::message_too_large && batch->count > 1) {
        if (accumulator_.split(batch)) {
            ++stats_.cut;
            stats_.cuts.record(cluster_.loop().now(), 1.0);
            return;
        }
    }
    if (retriable(*batch, code)) {
        retry(batch, code, fate_after(code));
        return;
    }
    std::string message = said.error_message ? said.error_message->str() : std::string();
    batch->actual_end_offset = said.actual_end_offset;
    queue.settle(batch, false);
    fail_batch(batch, fail(code, std::move(message)));
}

bool ProducerSender::retriable(const ProducerBatch& batch, ErrorCode code) const {
    if (batch.created + config_.delivery_timeout <= cluster_.loop().now()) return false;
    if (batch.base_sequence >= 0) {
        // Something before it is not there yet, or never will be.
        if (code == ErrorCode::out_of_order_sequence_number)
            return batch.queue.broken() || !batch.queue.is_first(batch);
        if (code == ErrorCode::unknown_producer_id) return transactions == nullptr;
    }
    return error_retriable(code) || Cluster::network_error(code);
}

void ProducerSender::retry(const BatchRef& batch, ErrorCode code, Fate fate) {
    PartitionQueue& queue = batch->queue;
    ++stats_.repeated;
    stats_.counts.repeat(cluster_.loop().now(), batch->count);
    queue.counts->repeat(cluster_.loop().now(), batch->count);
    queue.retry(batch, fate);
    if (code == ErrorCode::unknown_producer_id) queue.break_sequence();
    if (stale_metadata(code)) cluster_.request_update();
    queue.not_before = cluster_.loop().now() + backoff(config_.client.retry_backoff,
                                                       config_.client.retry_backoff_max,
                                                       batch->attempts - 1, cluster_.loop().rng());
    schedule_.look_at(queue.not_before, queue);
}

void ProducerSender::fail_batch(const BatchRef& batch, Error why) {
    batch->error = std::move(why);
    stats_.counts.fail(cluster_.loop().now(), batch->count);
    batch->queue.counts->fail(cluster_.loop().now(), batch->count);
    accumulator_.finish(*batch);
    if (on_failure) on_failure(*batch);
    look_on(batch->queue);
}

void ProducerSender::look_on(PartitionQueue& queue) {
    if (queue.pending() != 0) schedule_.look(queue);
}

// Nobody knows whether the broker has appended these.
void ProducerSender::give_back(const Batches& batches, const Error& why) {
    for (const BatchRef& batch : batches) {
        if (abandoned(batch)) continue;
        if (retriable(*batch, why.code)) {
            retry(batch, why.code, Fate::unknown);
        } else {
            batch->queue.settle(batch, false);
            fail_batch(batch, why);
        }
    }
}

// Batches that waited for longer than delivery.timeout.ms. What is under way is judged when it
// returns.
void ProducerSender::expire() {
    const runtime::TimePoint before = cluster_.loop().now() - config_.delivery_timeout;
    if (accumulator_.empty() || accumulator_.oldest()->created > before) return;
    for (const BatchRef& batch : accumulator_.undelivered()) {
        if (batch->created > before) break;
        if (!batch->queue.remove(*batch)) continue;
        fail_batch(batch, fail(ErrorCode::request_timed_out,
                               fmt::format("{} records for {}-{} were not delivered within {} ms",
                                           batch->count, batch->queue.topic, batch->partition,
                                           config_.delivery_timeout.count())));
    }
}

void ProducerSender::give_up_all(const Error& why) {
    for (const BatchRef& batch : accumulator_.undelivered()) {
        if (!batch->queue.remove(*batch)) continue;
        fail_batch(batch, why);
    }
}

void ProducerSender::abandon_all(const Error& why) {
    give_up_all(why);
    for (const BatchRef& batch : accumulator_.undelivered()) fail_batch(batch, why);
}

// Its outcome was told while it was under way.
bool ProducerSender::abandoned(const BatchRef& batch) {
    if (!batch->done.is_set()) return false;
    batch->queue.settle(batch, false);
    return true;
}

}  // namespace millrace::client
