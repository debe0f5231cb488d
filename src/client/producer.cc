#include "client/producer.h"

#include <fmt/format.h>

namespace millrace::client {

Producer::Producer(runtime::Context context, ProducerConfig config)
    : config_(std::move(config)),
      cluster_(context, config_.client),
      telemetry_(
          cluster_, [this] { return metrics(); }, [this] { return labels(); }),
      tasks_(context.loop) {
    sender_.on_failure = [this](const ProducerBatch& batch) {
        if (!failure_) failure_ = batch.error;
        if (transactional()) transactions_.fail_transaction(batch.error);
    };
    if (transactional()) {
        accumulator_.transactional = true;
        sender_.transactions = &transactions_;
    }
    tasks_.spawn(sender_.run());
}

Producer::~Producer() {
    // Deliveries may outlive this, and what waits for them must end.
    for (const BatchRef& batch : accumulator_.undelivered()) {
        batch->error = fail(ErrorCode::cancelled, "the producer was closed");
        accumulator_.finish(*batch);
    }
}

Result<void> Producer::usable() const {
    if (session_.broken()) return *session_.broken();
    if (closed_) return fail(ErrorCode::cancelled, "the producer is closed");
    return transactional() ? transactions_.check_open() : Result<void>{};
}

Result<Delivery> Producer::try_send(const Record& record) {
    TRY_OK(usable());
    return accumulator_.append(record);
}

runtime::Task<Result<Delivery>> Producer::append(const Record& record,
                                                 std::optional<Offset> expected_end) {
    const auto deadline = cluster_.after(config_.max_block);
    runtime::Subscriber waiting{cluster_.loop()};
    waiting.subscribe(accumulator_.room());
    for (;;) {
        CO_TRY_OK(usable());
        auto appended = expected_end ? accumulator_.append_if(record, *expected_end)
                                     : accumulator_.append(record);
        if (appended.code() != ErrorCode::would_block) co_return std::move(appended);
        if (!accumulator_.knows(record.topic)) {
            CO_TRY_OK(co_await cluster_.topic(std::string(record.topic), deadline));
            continue;
        }
        if (!co_await waiting.wait_until(deadline))
            co_return fail(ErrorCode::deadline_exceeded,
                           fmt::format("no room for the record within {} ms: {} of buffer.memory="
                                       "{} are in use",
                                       config_.max_block.count(), accumulator_.bytes_used(),
                                       config_.buffer_memory));
    }
}

MetricList Producer::metrics() const {
    const auto now = cluster_.loop().now();
    const ProducerSender::Stats& stats = sender_.stats();
    MetricList out = cluster_.metrics("producer");
    out.counter("record-send-total", stats.records_sent);
    out.counter("record-error-total", stats.failed);
    out.counter("record-retry-total", stats.records_repeated);
    out.counter("batch-split-total", stats.cut);
    out.gauge("batch-size-avg", stats.batch_bytes.average(now));
    out.gauge("batch-size-max", stats.batch_bytes.max(now));
    out.gauge("records-per-request-avg", stats.request_records.average(now));
    out.gauge("record-send-rate", stats.request_records.rate(now));
    out.gauge("record-queue-time-avg", stats.queue_time.average(now));
    out.gauge("record-queue-time-max", stats.queue_time.max(now));
    out.gauge("produce-throttle-time-avg", stats.throttle.average(now));
    out.gauge("produce-throttle-time-max", stats.throttle.max(now));
    out.gauge("request-latency-avg", cluster_.traffic()->all.latency.average(now));
    out.gauge("request-latency-max", cluster_.traffic()->all.latency.max(now));
    out.gauge("buffer-total-bytes", config_.buffer_memory);
    out.gauge("buffer-available-bytes", config_.buffer_memory - accumulator_.bytes_used());
    return out;
}

runtime::Task<void> Producer::flush() {
    for (const BatchRef& batch : accumulator_.close_batches()) {
        BatchRef at = batch;
        co_await at->done.wait();
        // What was cut in two is delivered when its parts are.
        if (!at->first_half) continue;
        co_await flush();
        co_return;
    }
}

runtime::Task<Result<void>> Producer::init_transactions() {
    if (!transactional())
        co_return fail(ErrorCode::invalid_config, "transactions need a transactional.id");
    co_return co_await transactions_.init(cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::send_offsets(CommittedOffsets offsets, GroupMetadata group) {
    co_return co_await transactions_.send_offsets(offsets, group,
                                                  cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::commit_transaction() {
    CO_TRY_OK(usable());
    co_await flush();
    co_return co_await transactions_.end(true, false, cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::abort_transaction() {
    transactions_.fail_transaction(fail(ErrorCode::cancelled, "the transaction was aborted"));
    sender_.give_up_all(transactions_.failure());
    co_await flush();
    failure_.reset();
    bool broken = false;
    accumulator_.for_each_queue([&](PartitionQueue& queue) { broken |= queue.broken(); });
    co_return co_await transactions_.end(false, broken, cluster_.after(config_.max_block));
}

Telemetry::Labels Producer::labels() const {
    if (!transactional()) return {};
    return {{"transactional_id", config_.transactional_id}};
}

runtime::Task<Result<void>> Producer::close(std::chrono::milliseconds patience) {
    closed_ = true;
    const auto deadline = cluster_.after(patience);
    const auto done = co_await deliver_rest(deadline, patience);
    co_await telemetry_.close(deadline);
    co_return done;
}

runtime::Task<Result<void>> Producer::deliver_rest(runtime::TimePoint deadline,
                                                   std::chrono::milliseconds patience) {
    while (!accumulator_.empty()) {
        accumulator_.close_batches();
        const BatchRef oldest{accumulator_.oldest()};
        if (co_await oldest->done.wait_until(cluster_.loop(), deadline)) continue;
        session_.fail_for_good(fail(ErrorCode::cancelled, "the producer was closed"));
        sender_.abandon_all(*session_.broken());
        co_return fail(ErrorCode::deadline_exceeded,
                       fmt::format("not everything was delivered within {} ms", patience.count()));
    }
    co_return {};
}

}  // namespace millrace::client
