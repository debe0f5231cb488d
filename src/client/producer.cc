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
            CO_TRY_OK(co_await timed(cluster_.loop(), calls_.metadata,
                                     cluster_.topic(std::string(record.topic), deadline)));
            continue;
        }
        if (!co_await wait_for_room(waiting, deadline))
            co_return fail(ErrorCode::deadline_exceeded,
                           fmt::format("no room for the record within {} ms: {} of buffer.memory="
                                       "{} are in use",
                                       config_.max_block.count(), accumulator_.bytes_used(),
                                       config_.buffer_memory));
    }
}

runtime::Task<bool> Producer::wait_for_room(runtime::Subscriber& waiting,
                                            runtime::TimePoint deadline) {
    runtime::Loop& loop = cluster_.loop();
    const auto began = loop.now();
    ++calls_.waiting_room;
    const bool rang = co_await waiting.wait_until(deadline);
    --calls_.waiting_room;
    calls_.room += loop.now() - began;
    calls_.room_ms.record(loop.now(), loop.now() - began);
    if (!rang) {
        ++calls_.exhausted;
        calls_.exhausting.record(loop.now(), 1.0);
    }
    co_return rang;
}

MetricList Producer::metrics() const {
    const auto now = cluster_.loop().now();
    MetricList out = cluster_.metrics("producer");
    out.gauge("metadata-age", std::chrono::duration<double>(cluster_.metadata_age()).count());
    out.gauge("requests-in-flight", cluster_.requests_in_flight());
    out.gauge("buffer-total-bytes", config_.buffer_memory);
    out.gauge("buffer-available-bytes", config_.buffer_memory - accumulator_.bytes_used());
    sender_.stats().add(out, now);
    calls_.add(out, now);
    accumulator_.for_each_topic([&](const std::string& topic, const SendCounts& counts) {
        add_topic(out, topic, counts, now);
    });
    out.count_all();
    return out;
}

// What was cut in two is delivered when its parts are.
runtime::Task<void> Producer::deliver_all() {
    for (bool cut = true; cut;) {
        cut = false;
        for (const BatchRef& batch : accumulator_.close_batches()) {
            BatchRef at = batch;
            co_await at->done.wait();
            if (!at->first_half) continue;
            cut = true;
            break;
        }
    }
}

Result<void> Producer::begin_transaction() {
    const auto began = cluster_.loop().read_clock();
    const auto done = transactions_.begin();
    calls_.begin += cluster_.loop().read_clock() - began;
    return done;
}

runtime::Task<Result<void>> Producer::init() {
    if (!transactional())
        co_return fail(ErrorCode::invalid_config, "transactions need a transactional.id");
    co_return co_await transactions_.init(cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::add_offsets(CommittedOffsets offsets, GroupMetadata group) {
    co_return co_await transactions_.send_offsets(offsets, group,
                                                  cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::commit() {
    CO_TRY_OK(usable());
    co_await deliver_all();
    co_return co_await transactions_.end(true, false, cluster_.after(config_.max_block));
}

runtime::Task<Result<void>> Producer::abort() {
    transactions_.fail_transaction(fail(ErrorCode::cancelled, "the transaction was aborted"));
    sender_.give_up_all(transactions_.failure());
    co_await deliver_all();
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
