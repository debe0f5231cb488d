// Processors: the parts of a topology that a user writes, record by record, with stores and timers.
//
//   class Dedupe : public Processor<std::string, Order, std::string, Order> {
//       void init(ProcessorContext<std::string, Order>& context) override {
//           Processor::init(context);
//           seen_ = context.store<KeyValueStore<std::string, int64_t>>("seen");
//       }
//       void process(const Record<std::string, Order>& record) override {
//           if (!seen_->put_if_absent(record.value().id, record.timestamp())) context().forward(record);
//       }
//       std::optional<KeyValueStore<std::string, int64_t>> seen_;
//   };
//
// One object per task, on the task's thread; nothing overlaps. What a processor throws goes to the
// processing exception handler. Kafka: org.apache.kafka.streams.processor.api.
#pragma once

#include <chrono>

#include "streams/core/node.h"
#include "streams/record.h"
#include "streams/state_stores.h"

namespace millrace::streams {

// What every processor can ask for.
class ProcessingContext {
public:
    explicit ProcessingContext(NodeContext& node) : node_(node) {}

    // A store connected to this processor, or a global one. InvalidStateStoreException when it is
    // of another kind or of other types, StreamsException when it is not connected.
    template <typename S>
    S store(std::string_view name) {
        return S(node_.store(name));
    }
    // The first is due at once (stream time) or after one interval (wall clock); after a pause the
    // missed ones are skipped.
    Cancellable schedule(std::chrono::milliseconds interval, PunctuationType type,
                         Punctuator punctuator) {
        return node_.schedule(type, std::nullopt, interval.count(), std::move(punctuator));
    }
    Cancellable schedule(TimestampMs start, std::chrono::milliseconds interval,
                         PunctuationType type, Punctuator punctuator) {
        return node_.schedule(type, start, interval.count(), std::move(punctuator));
    }
    // Asks for a commit soon.
    void commit() { node_.request_commit(); }
    // Where the record came from; in a punctuation without topic, with -1 for partition and offset.
    // Null in init.
    const RecordContext* record_metadata() const { return node_.record_context(); }
    TimestampMs current_stream_time_ms() const { return node_.stream_time(); }
    TimestampMs current_system_time_ms() const { return node_.wall_ms(); }
    const TaskId& task_id() const { return node_.task_id(); }
    const StreamsConfig& config() const { return node_.config(); }

protected:
    NodeContext& node_;
};

template <typename KOut, typename VOut>
class ProcessorContext : public ProcessingContext {
public:
    using ProcessingContext::ProcessingContext;
    // To all nodes below, or to the one of that name.
    void forward(const Record<KOut, VOut>& record) { node_.forward(record.raw()); }
    void forward(const Record<KOut, VOut>& record, std::string_view child) {
        node_.forward(record.raw(), child);
    }
};

template <typename KIn, typename VIn, typename KOut = KIn, typename VOut = VIn>
class Processor {
public:
    virtual ~Processor() = default;
    // An override calls this one first.
    virtual void init(ProcessorContext<KOut, VOut>& context) { context_ = &context; }
    virtual void process(const Record<KIn, VIn>& record) = 0;
    virtual void close() {}

protected:
    ProcessorContext<KOut, VOut>& context() { return *context_; }

private:
    ProcessorContext<KOut, VOut>* context_ = nullptr;
};
template <typename KIn, typename VIn, typename KOut = KIn, typename VOut = VIn>
using ProcessorSupplier = std::function<std::unique_ptr<Processor<KIn, VIn, KOut, VOut>>()>;

// As Processor, but the key stays what it is: no repartitioning is needed behind it.
template <typename K, typename VOut>
class FixedKeyProcessorContext : public ProcessingContext {
public:
    using ProcessingContext::ProcessingContext;
    // A record with the key of the one that is processed.
    void forward(const Record<K, VOut>& record) { node_.forward(record.raw()); }
    void forward(const Record<K, VOut>& record, std::string_view child) {
        node_.forward(record.raw(), child);
    }
};
template <typename K, typename VIn, typename VOut = VIn>
class FixedKeyProcessor {
public:
    using FixedKey = K;
    virtual ~FixedKeyProcessor() = default;
    virtual void init(FixedKeyProcessorContext<K, VOut>& context) { context_ = &context; }
    virtual void process(const Record<K, VIn>& record) = 0;
    virtual void close() {}

protected:
    FixedKeyProcessorContext<K, VOut>& context() { return *context_; }

private:
    FixedKeyProcessorContext<K, VOut>* context_ = nullptr;
};
template <typename K, typename VIn, typename VOut = VIn>
using FixedKeyProcessorSupplier = std::function<std::unique_ptr<FixedKeyProcessor<K, VIn, VOut>>()>;

// Values of a table, one by one, with stores and timers; `value` is null for a delete. Kafka:
// ValueTransformerWithKey.
template <typename K, typename V, typename VOut>
class ValueTransformer {
public:
    virtual ~ValueTransformer() = default;
    virtual void init(ProcessingContext& context) { context_ = &context; }
    virtual std::optional<VOut> transform(const K& key, const V* value) = 0;
    virtual void close() {}

protected:
    ProcessingContext& context() { return *context_; }

private:
    ProcessingContext* context_ = nullptr;
};
template <typename K, typename V, typename VOut>
using ValueTransformerSupplier = std::function<std::unique_ptr<ValueTransformer<K, V, VOut>>()>;

namespace detail {

// A user's processor as a node.
template <typename P, typename Context, typename KIn, typename VIn>
class ProcessorNode final : public Node {
public:
    explicit ProcessorNode(std::unique_ptr<P> processor) : processor_(std::move(processor)) {}
    void init(NodeContext& context) override {
        Node::init(context);
        context_.emplace(context);
        processor_->init(*context_);
    }
    void process(const RawRecord& record) override {
        if constexpr (kOwnHeaders) {
            Headers headers = *record.headers;
            processor_->process(
                Record<KIn, VIn>({record.key, record.value, record.timestamp, &headers}));
        } else {
            processor_->process(Record<KIn, VIn>(record));
        }
    }
    void close() override { processor_->close(); }

private:
    // As in Kafka, a processor of a fixed key changes headers for those below it only.
    static constexpr bool kOwnHeaders = requires { typename P::FixedKey; };

    std::unique_ptr<P> processor_;
    std::optional<Context> context_;
};

template <typename KIn, typename VIn, typename KOut, typename VOut>
NodeSupplier node_supplier(ProcessorSupplier<KIn, VIn, KOut, VOut> supplier) {
    using P = Processor<KIn, VIn, KOut, VOut>;
    return [supplier = std::move(supplier)]() -> std::unique_ptr<Node> {
        return std::make_unique<ProcessorNode<P, ProcessorContext<KOut, VOut>, KIn, VIn>>(
            supplier());
    };
}
template <typename K, typename VIn, typename VOut>
NodeSupplier node_supplier(FixedKeyProcessorSupplier<K, VIn, VOut> supplier) {
    using P = FixedKeyProcessor<K, VIn, VOut>;
    return [supplier = std::move(supplier)]() -> std::unique_ptr<Node> {
        return std::make_unique<ProcessorNode<P, FixedKeyProcessorContext<K, VOut>, K, VIn>>(
            supplier());
    };
}

}  // namespace detail
}  // namespace millrace::streams
