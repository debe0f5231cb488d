// Where a topology of the DSL begins, and what makes it a Topology. Kafka: StreamsBuilder.
#pragma once

#include "streams/config.h"
#include "streams/kstream.h"

namespace millrace::streams {

class StreamsBuilder {
public:
    StreamsBuilder() : graph_(std::make_shared<dsl::Graph>()) {}
    // With settings that the operations look at (dsl.store.suppliers.class).
    explicit StreamsBuilder(StreamsConfig config)
        : graph_(std::make_shared<dsl::Graph>(std::move(config))) {}

    template <typename K, typename V>
    KStream<K, V> stream(std::string topic, const Consumed<K, V>& consumed = {}) {
        return stream<K, V>(SourceTopics{std::move(topic)}, consumed);
    }
    template <typename K, typename V>
    KStream<K, V> stream(SourceTopics topics, const Consumed<K, V>& consumed = {}) {
        return KStream<K, V>(dsl::source_stream(graph_, std::move(topics.names),
                                                std::move(topics.pattern), raw(consumed)));
    }
    template <typename K, typename V>
    KTable<K, V> table(std::string topic, const Consumed<K, V>& consumed = {},
                       const detail::Store<K, V>& store = {}) {
        return KTable<K, V>(
            dsl::source_table(graph_, std::move(topic), raw(consumed), detail::raw(store)));
    }
    template <typename K, typename V>
    GlobalKTable<K, V> global_table(std::string topic, const Consumed<K, V>& consumed = {},
                                    const detail::Store<K, V>& store = {}) {
        return GlobalKTable<K, V>(
            dsl::global_table(graph_, std::move(topic), raw(consumed), detail::raw(store)));
    }

    // For processors that name it.
    StreamsBuilder& add_state_store(const StoreBuilder& store) {
        graph_->attach_store(store.spec());
        return *this;
    }
    // A store that every instance fills from the whole topic, through the processor.
    template <typename K, typename V>
    StreamsBuilder& add_global_store(const StoreBuilder& store, std::string topic,
                                     const Consumed<K, V>& consumed,
                                     ProcessorSupplier<K, V, K, V> supplier) {
        dsl::add_global_store(graph_, store.spec(), std::move(topic), raw(consumed),
                              detail::node_supplier(std::move(supplier)));
        return *this;
    }

    // The settings say what to optimise (topology.optimization). Once per builder.
    Topology build(const StreamsConfig& config = {}) { return Topology(graph_->build(config)); }

private:
    template <typename K, typename V>
    static dsl::Consumed raw(const Consumed<K, V>& consumed) {
        dsl::Consumed options = consumed.raw();
        options.key_type = &kTypeOf<K>;
        options.value_type = &kTypeOf<V>;
        detail::or_default<K>(options.key);
        detail::or_default<V>(options.value);
        return options;
    }

    std::shared_ptr<dsl::Graph> graph_;
};

}  // namespace millrace::streams
