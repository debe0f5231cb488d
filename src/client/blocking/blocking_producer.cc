#include "client/blocking/blocking_producer.h"

namespace millrace::client {
namespace {

runtime::Task<void> report(Delivery delivery, OnDelivery on_delivery) {
    on_delivery(co_await delivery.wait());
}

}  // namespace

BlockingProducer::BlockingProducer(ProducerConfig config) : config_(std::move(config)) {
    thread_.call([this] {
        on_loop_ = std::make_unique<OnLoop>(thread_.context(), config_);
        on_loop_->tasks.spawn(feed());
    });
}

BlockingProducer::~BlockingProducer() {
    const Result<void> given_up = close(std::chrono::milliseconds{0});
    (void)given_up;  // who wants to know has called close()
    thread_.call([this] { on_loop_.reset(); });
}

runtime::Task<void> BlockingProducer::feed() {
    StagedRecords::Load load;
    runtime::Subscriber waiting{thread_.loop()};
    waiting.subscribe(staged_.filled());
    for (;;) {
        if (!staged_.take(load)) {
            co_await waiting.wait();
            continue;
        }
        for (const auto& entry : load.entries()) {
            co_await feed_one(entry);
            ++on_loop_->taken;
        }
        load.clear();
        on_loop_->advanced.notify();
    }
}

runtime::Task<void> BlockingProducer::feed_one(const StagedRecords::Load::Entry& entry) {
    Producer& producer = on_loop_->producer;
    auto delivery = producer.try_send(entry.record);
    if (delivery.code() == ErrorCode::would_block) delivery = co_await producer.send(entry.record);
    if (!delivery) {
        if (!on_loop_->refused) on_loop_->refused = delivery.error();
        if (entry.on_delivery) entry.on_delivery(delivery.error());
    } else if (entry.on_delivery) {
        on_loop_->tasks.spawn(report(*std::move(delivery), entry.on_delivery));
    }
}

runtime::Task<void> BlockingProducer::drain(runtime::TimePoint until) {
    const uint64_t target = staged_.count();
    runtime::Subscriber waiting{thread_.loop()};
    waiting.subscribe(on_loop_->advanced);
    while (on_loop_->taken < target)
        if (!co_await waiting.wait_until(until)) break;
}

runtime::Task<void> BlockingProducer::deliver_all() {
    co_await drain(runtime::kNever);
    co_await on_loop_->producer.flush();
    co_await thread_.loop().yield();  // the callbacks are ready now, and run first
}

Result<void> BlockingProducer::send(const Record& record, OnDelivery on_delivery) {
    const bool may_wait = runtime::Loop::current_or_null() != &thread_.loop();
    return staged_.put(record, std::move(on_delivery),
                       may_wait ? config_.max_block : std::chrono::milliseconds{0});
}

Result<RecordPlace> BlockingProducer::deliver(const Record& record) {
    return thread_.call([&]() -> runtime::Task<Result<RecordPlace>> {
        co_await drain(runtime::kNever);
        CO_TRY(const Delivery delivery, co_await on_loop_->producer.send(record));
        co_return co_await delivery.wait();
    });
}

std::optional<Error> BlockingProducer::take_failure() {
    return thread_.call([&]() -> std::optional<Error> {
        if (on_loop_->refused) return std::exchange(on_loop_->refused, std::nullopt);
        return on_loop_->producer.take_failure();
    });
}

Result<void> BlockingProducer::failure_or_well() {
    if (auto failure = take_failure()) return *std::move(failure);
    return {};
}

Result<void> BlockingProducer::flush() {
    thread_.call([&] [[clang::coro_wrapper]] { return deliver_all(); });
    return failure_or_well();
}

Result<void> BlockingProducer::close(std::chrono::milliseconds patience) {
    staged_.close();
    const auto left = [this](runtime::TimePoint until) {
        return std::chrono::ceil<std::chrono::milliseconds>(
            std::max(until - thread_.loop().now(), runtime::TimePoint::duration::zero()));
    };
    const Result<void> closed = thread_.call([&]() -> runtime::Task<Result<void>> {
        const auto until = thread_.loop().now() + patience;
        co_await drain(until);
        auto done = co_await on_loop_->producer.close(left(until));
        // What the producer did not take in time it refuses now.
        co_await drain(runtime::kNever);
        co_await thread_.loop().yield();
        co_return std::move(done);
    });
    TRY_OK(failure_or_well());
    return closed;
}

Result<void> BlockingProducer::init_transactions() {
    return call([] [[clang::coro_wrapper]] (Producer & p) { return p.init_transactions(); });
}

Result<void> BlockingProducer::begin_transaction() {
    return call([this](Producer& producer) -> runtime::Task<Result<void>> {
        co_await drain(runtime::kNever);
        co_return producer.begin_transaction();
    });
}

Result<void> BlockingProducer::send_offsets(CommittedOffsets offsets, GroupMetadata group) {
    return call([&](Producer& producer) -> runtime::Task<Result<void>> {
        co_await drain(runtime::kNever);
        co_return co_await producer.send_offsets(std::move(offsets), std::move(group));
    });
}

Result<void> BlockingProducer::commit_transaction() {
    return call([this](Producer& producer) -> runtime::Task<Result<void>> {
        co_await deliver_all();
        if (on_loop_->refused) co_return *on_loop_->refused;
        co_return co_await producer.commit_transaction();
    });
}

Result<void> BlockingProducer::abort_transaction() {
    return call([this](Producer& producer) -> runtime::Task<Result<void>> {
        co_await drain(runtime::kNever);
        on_loop_->refused.reset();
        co_return co_await producer.abort_transaction();
    });
}

}  // namespace millrace::client
