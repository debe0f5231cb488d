// A topology put together by hand from sources, processors, stores and sinks. Kafka: Topology.
//
//   Topology topology;
//   topology.add_source<std::string, std::string>("lines", {"input"});
//   topology.add_processor<std::string, std::string, std::string, int64_t>("count", make, {"lines"});
//   topology.add_state_store(store, {"count"});
//   topology.add_sink<std::string, int64_t>("out", "output", {"count"});
//
// A value; what StreamsBuilder::build() gives is one, too. Errors: TopologyException.
#pragma once

#include <initializer_list>

#include "streams/core/topology_plan.h"
#include "streams/processor.h"
#include "streams/state_stores.h"

namespace millrace::streams {

// What a source reads: a list of topics, or a pattern over all topics' names (RE2, whole names).
struct TopicPattern {
    std::string pattern;
};
struct SourceTopics {
    std::vector<std::string> names;
    std::optional<std::string> pattern;
    SourceTopics(std::initializer_list<std::string> topics) : names(topics) {}
    SourceTopics(std::vector<std::string> topics) : names(std::move(topics)) {}
    SourceTopics(TopicPattern p) : pattern(std::move(p.pattern)) {}
};

class Topology {
public:
    Topology() : plan_(std::make_shared<TopologyPlan>()) {}
    explicit Topology(std::shared_ptr<TopologyPlan> plan) : plan_(std::move(plan)) {}

    template <typename K, typename V>
    Topology& add_source(std::string name, SourceTopics topics, const Serde<K>& key = {},
                         const Serde<V>& value = {}, TimestampExtractor timestamp = nullptr,
                         std::optional<AutoOffsetReset> reset = std::nullopt) {
        plan_->add_source({.name = std::move(name),
                           .topics = std::move(topics.names),
                           .pattern = std::move(topics.pattern),
                           .key_type = &kTypeOf<K>,
                           .value_type = &kTypeOf<V>,
                           .key_serde = key ? key.erased() : default_serde<K>(),
                           .value_serde = value ? value.erased() : default_serde<V>(),
                           .timestamp = std::move(timestamp),
                           .offset_reset = reset});
        return *this;
    }

    // `stores` are added as if by add_state_store().
    template <typename KIn, typename VIn, typename KOut, typename VOut>
    Topology& add_processor(std::string name, ProcessorSupplier<KIn, VIn, KOut, VOut> supplier,
                            std::vector<std::string> parents,
                            const std::vector<StoreBuilder>& stores = {}) {
        plan_->add_processor({.name = name,
                              .parents = std::move(parents),
                              .supplier = detail::node_supplier(std::move(supplier)),
                              .key_in = &kTypeOf<KIn>,
                              .value_in = &kTypeOf<VIn>,
                              .key_out = &kTypeOf<KOut>,
                              .value_out = &kTypeOf<VOut>});
        for (const StoreBuilder& store : stores) plan_->add_store(store.spec(), {name});
        return *this;
    }

    template <typename K, typename V>
    Topology& add_sink(std::string name, std::string topic, std::vector<std::string> parents,
                       const Serde<K>& key = {}, const Serde<V>& value = {},
                       StreamPartitioner partitioner = nullptr) {
        plan_->add_sink(sink<K, V>(std::move(name), std::move(topic), nullptr, std::move(parents),
                                   key, value, std::move(partitioner)));
        return *this;
    }
    template <typename K, typename V>
    Topology& add_sink(std::string name, TopicNameExtractor extractor,
                       std::vector<std::string> parents, const Serde<K>& key = {},
                       const Serde<V>& value = {}, StreamPartitioner partitioner = nullptr) {
        plan_->add_sink(sink<K, V>(std::move(name), "", std::move(extractor), std::move(parents),
                                   key, value, std::move(partitioner)));
        return *this;
    }

    Topology& add_state_store(const StoreBuilder& store,
                              const std::vector<std::string>& processors = {}) {
        plan_->add_store(store.spec(), processors);
        return *this;
    }
    Topology& connect_processor_and_state_stores(const std::string& processor,
                                                 const std::vector<std::string>& stores) {
        plan_->connect(processor, stores);
        return *this;
    }
    // A store that every instance fills from the whole topic, through the processor.
    template <typename K, typename V>
    Topology& add_global_store(const StoreBuilder& store, std::string source_name,
                               std::string topic, std::string processor_name,
                               ProcessorSupplier<K, V, K, V> supplier, const Serde<K>& key = {},
                               const Serde<V>& value = {}, TimestampExtractor timestamp = nullptr) {
        plan_->add_global_store(store.spec(),
                                {.name = std::move(source_name),
                                 .topics = {std::move(topic)},
                                 .key_type = &kTypeOf<K>,
                                 .value_type = &kTypeOf<V>,
                                 .key_serde = key ? key.erased() : default_serde<K>(),
                                 .value_serde = value ? value.erased() : default_serde<V>(),
                                 .timestamp = std::move(timestamp)},
                                {.name = std::move(processor_name),
                                 .supplier = detail::node_supplier(std::move(supplier)),
                                 .key_in = &kTypeOf<K>,
                                 .value_in = &kTypeOf<V>});
        return *this;
    }

    // The text of Kafka's Topology.describe().
    std::string describe() const { return plan_->describe(); }

    const std::shared_ptr<TopologyPlan>& plan() const { return plan_; }

private:
    template <typename K, typename V>
    static SinkSpec sink(std::string name, std::string topic, TopicNameExtractor extractor,
                         std::vector<std::string> parents, const Serde<K>& key,
                         const Serde<V>& value, StreamPartitioner partitioner) {
        return {.name = std::move(name),
                .parents = std::move(parents),
                .topic = std::move(topic),
                .extractor = std::move(extractor),
                .key_type = &kTypeOf<K>,
                .value_type = &kTypeOf<V>,
                .key_serde = key ? key.erased() : default_serde<K>(),
                .value_serde = value ? value.erased() : default_serde<V>(),
                .partitioner = std::move(partitioner)};
    }

    std::shared_ptr<TopologyPlan> plan_;
};

}  // namespace millrace::streams
