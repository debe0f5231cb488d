// The DSL: streams and tables of typed records, and the operations between them. Kafka: KStream,
// KTable and their kin; the operations, their names and what they do are Kafka Streams'.
//
//   StreamsBuilder builder;
//   builder.stream<std::string, std::string>("lines")
//       .flat_map_values([](const std::string& line) { return words(line); })
//       .group_by([](const std::string&, const std::string& word) { return word; })
//       .count(Materialized<std::string, int64_t>::as("counts"))
//       .to_stream()
//       .to("word-counts");
//   Topology topology = builder.build();
//
// Functions take their arguments as `const T&`, or as `const T*` to see nulls, and return a value,
// or a std::optional that may be null (adapt.h). A function of values alone is taken where the key
// is not needed. Streams and tables are cheap handles: copy them freely. Errors in how a topology
// is put together: TopologyException, here or in build().
#pragma once

#include "streams/dsl/typed.h"
#include "streams/kgrouped.h"
#include "streams/ktable.h"
#include "streams/topology.h"

namespace millrace::streams {

template <typename K, typename V>
class BranchedKStream {
public:
    explicit BranchedKStream(dsl::Branches raw) : raw_(std::move(raw)) {}

    // The records of which the predicate holds and that no branch before took.
    template <typename F>
    KStream<K, V> branch(F predicate, const Branched& branched = {}) {
        return KStream<K, V>(
            raw_.branch(detail::predicate<K, V>(std::move(predicate)), branched.name));
    }
    // All others; without it they are dropped.
    KStream<K, V> default_branch(const Branched& branched = {}) {
        return KStream<K, V>(raw_.default_branch(branched.name));
    }

private:
    dsl::Branches raw_;
};
template <typename K, typename V>
class KStream {
public:
    using Key = K;
    using Value = V;
    explicit KStream(dsl::Stream raw) : raw_(std::move(raw)) {}

    template <typename F>
    KStream filter(F predicate, const Named& named = {}) const {
        return KStream(
            raw_.filter(detail::predicate<K, V>(std::move(predicate)), false, named.name));
    }
    template <typename F>
    KStream filter_not(F predicate, const Named& named = {}) const {
        return KStream(
            raw_.filter(detail::predicate<K, V>(std::move(predicate)), true, named.name));
    }
    template <typename F>
    auto select_key(F mapper, const Named& named = {}) const {
        using K2 = detail::ValueOf<detail::Called<F, detail::In<K>, detail::In<V>>>;
        return KStream<K2, V>(detail::with_serdes(
            raw_.select_key(detail::key_mapper<K, V>(std::move(mapper)), kTypeOf<K2>, named.name),
            default_serde<K2>(), raw_.value));
    }
    // A pair of the new key and the new value.
    template <typename F>
    auto map(F mapper, const Named& named = {}) const {
        using Pair = detail::Called<F, detail::In<K>, detail::In<V>>;
        using K2 = detail::ValueOf<std::remove_cvref_t<typename Pair::first_type>>;
        using V2 = detail::ValueOf<std::remove_cvref_t<typename Pair::second_type>>;
        return KStream<K2, V2>(
            detail::with_serdes(raw_.map(detail::key_value_mapper<K, V>(std::move(mapper)),
                                         kTypeOf<K2>, kTypeOf<V2>, named.name),
                                default_serde<K2>(), default_serde<V2>()));
    }
    template <typename F>
    auto map_values(F mapper, const Named& named = {}) const {
        using V2 = detail::ValueOf<typename detail::ValueFunction<F, K, V>::Result>;
        return KStream<K, V2>(detail::with_serdes(
            raw_.map_values(detail::value_mapper<K, V>(std::move(mapper)), kTypeOf<V2>, named.name),
            raw_.key, default_serde<V2>()));
    }
    // A range of pairs, which may be empty.
    template <typename F>
    auto flat_map(F mapper, const Named& named = {}) const {
        using Range = detail::Called<F, detail::In<K>, detail::In<V>>;
        using Pair = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;
        using K2 = detail::ValueOf<std::remove_cvref_t<typename Pair::first_type>>;
        using V2 = detail::ValueOf<std::remove_cvref_t<typename Pair::second_type>>;
        return KStream<K2, V2>(detail::with_serdes(
            raw_.flat_map(detail::flat_key_value_mapper<K, V>(std::move(mapper)), kTypeOf<K2>,
                          kTypeOf<V2>, named.name),
            default_serde<K2>(), default_serde<V2>()));
    }
    template <typename F>
    auto flat_map_values(F mapper, const Named& named = {}) const {
        using Range = typename detail::ValueFunction<F, K, V>::Result;
        using V2 = detail::ValueOf<
            std::remove_cvref_t<decltype(*std::begin(std::declval<const Range&>()))>>;
        return KStream<K, V2>(detail::with_serdes(
            raw_.flat_map_values(detail::flat_value_mapper<K, V>(std::move(mapper)), kTypeOf<V2>,
                                 named.name),
            raw_.key, default_serde<V2>()));
    }
    template <typename F>
    KStream peek(F action, const Named& named = {}) const {
        return KStream(raw_.peek(detail::foreach_action<K, V>(std::move(action)), named.name));
    }
    template <typename F>
    void foreach (F action, const Named& named = {}) const {
        raw_.foreach (detail::foreach_action<K, V>(std::move(action)), named.name);
    }
    BranchedKStream<K, V> split(const Named& named = {}) const {
        return BranchedKStream<K, V>(dsl::Branches(raw_, named.name));
    }
    // Both streams' records, in no order between them.
    KStream merge(const KStream& other, const Named& named = {}) const {
        return KStream(raw_.merge(other.raw_, named.name));
    }

    // Through a topic of the application's own, so that records of a key meet in one task.
    KStream repartition(const Repartitioned<K, V>& options = {}) const {
        return KStream(raw_.repartition(options.raw()));
    }
    // The topic must exist.
    void to(std::string topic, const Produced<K, V>& produced = {}) const {
        raw_.to(std::move(topic), produced.raw());
    }
    // The topic of each record: a function of key, value and RecordContext.
    template <typename F>
        requires(!std::convertible_to<F, std::string>)
    void to(F extractor, const Produced<K, V>& produced = {}) const {
        raw_.to(
            [f = std::move(extractor)](Ref key, Ref value,
                                       const RecordContext& context) mutable -> std::string {
                auto bound = [&](const K* k, const V* v) {
                    if constexpr (std::is_invocable_v<F&, const K&, const V&, const RecordContext&>)
                        return f(detail::not_null<K>(k, "key"), detail::not_null<V>(v, "value"),
                                 context);
                    else
                        return f(k, v, context);
                };
                return bound(static_cast<const K*>(key), static_cast<const V*>(value));
            },
            produced.raw());
    }

    KTable<K, V> to_table(const Named& named = {}, const detail::Store<K, V>& store = {}) const {
        return KTable<K, V>(raw_.to_table(named.name, detail::raw(store)));
    }
    KGroupedStream<K, V> group_by_key(const Grouped<K, V>& grouped = {}) const {
        return KGroupedStream<K, V>(raw_.group_by_key(grouped.raw()));
    }
    template <typename F>
    auto group_by(F mapper) const {
        using K2 = detail::ValueOf<detail::Called<F, detail::In<K>, detail::In<V>>>;
        return group_by(std::move(mapper), Grouped<K2, V>());
    }
    template <typename F, typename K2>
    KGroupedStream<K2, V> group_by(F mapper, const Grouped<K2, V>& grouped) const {
        dsl::Grouped options = grouped.raw();
        detail::or_default<K2>(options.key);
        return KGroupedStream<K2, V>(
            raw_.group_by(detail::key_mapper<K, V>(std::move(mapper)), kTypeOf<K2>, options));
    }

    template <typename W, typename F>
    auto join(const KStream<K, W>& other, F joiner, const JoinWindows& windows,
              const StreamJoined<K, V, W>& options = {}) const {
        return join_stream(other, std::move(joiner), windows, dsl::JoinKind::inner, options);
    }
    template <typename W, typename F>
    auto left_join(const KStream<K, W>& other, F joiner, const JoinWindows& windows,
                   const StreamJoined<K, V, W>& options = {}) const {
        return join_stream(other, std::move(joiner), windows, dsl::JoinKind::left, options);
    }
    template <typename W, typename F>
    auto outer_join(const KStream<K, W>& other, F joiner, const JoinWindows& windows,
                    const StreamJoined<K, V, W>& options = {}) const {
        return join_stream(other, std::move(joiner), windows, dsl::JoinKind::outer, options);
    }
    template <typename W, typename F>
    auto join(const KTable<K, W>& table, F joiner, const Joined<K, V, W>& options = {}) const {
        return join_table(table, std::move(joiner), dsl::JoinKind::inner, options);
    }
    template <typename W, typename F>
    auto left_join(const KTable<K, W>& table, F joiner, const Joined<K, V, W>& options = {}) const {
        return join_table(table, std::move(joiner), dsl::JoinKind::left, options);
    }
    // `mapper` gives the key in the global table.
    template <typename GK, typename W, typename M, typename F>
    auto join(const GlobalKTable<GK, W>& table, M mapper, F joiner, const Named& named = {}) const {
        return join_global(table, std::move(mapper), std::move(joiner), dsl::JoinKind::inner,
                           named);
    }
    template <typename GK, typename W, typename M, typename F>
    auto left_join(const GlobalKTable<GK, W>& table, M mapper, F joiner,
                   const Named& named = {}) const {
        return join_global(table, std::move(mapper), std::move(joiner), dsl::JoinKind::left, named);
    }

    // A processor of the user's own; `stores` name stores of the builder, `own` are added.
    template <typename K2, typename V2>
    KStream<K2, V2> process(ProcessorSupplier<K, V, K2, V2> supplier,
                            std::vector<std::string> stores = {}, const Named& named = {},
                            const std::vector<StoreBuilder>& own = {}) const {
        return KStream<K2, V2>(detail::with_serdes(
            raw_.process(detail::node_supplier(std::move(supplier)), kTypeOf<K2>, kTypeOf<V2>,
                         named.name, std::move(stores), detail::specs(own)),
            default_serde<K2>(), default_serde<V2>()));
    }
    template <typename V2>
    KStream<K, V2> process_values(FixedKeyProcessorSupplier<K, V, V2> supplier,
                                  std::vector<std::string> stores = {}, const Named& named = {},
                                  const std::vector<StoreBuilder>& own = {}) const {
        return KStream<K, V2>(detail::with_serdes(
            raw_.process_values(detail::node_supplier(std::move(supplier)), kTypeOf<V2>, named.name,
                                std::move(stores), detail::specs(own)),
            raw_.key, default_serde<V2>()));
    }

    const dsl::Stream& raw() const { return raw_; }

private:
    template <typename W, typename F>
    auto join_stream(const KStream<K, W>& other, F joiner, const JoinWindows& windows,
                     dsl::JoinKind kind, const StreamJoined<K, V, W>& options) const {
        using R = detail::ValueOf<typename detail::JoinFunction<F, K, V, W>::Result>;
        return KStream<K, R>(detail::with_serdes(
            raw_.join(other.raw(), detail::value_joiner<K, V, W>(std::move(joiner)), windows, kind,
                      kTypeOf<R>, options.raw()),
            options.raw().key ? options.raw().key : raw_.key, default_serde<R>()));
    }
    template <typename W, typename F>
    auto join_table(const KTable<K, W>& table, F joiner, dsl::JoinKind kind,
                    const Joined<K, V, W>& options) const {
        using R = detail::ValueOf<typename detail::JoinFunction<F, K, V, W>::Result>;
        return KStream<K, R>(detail::with_serdes(
            raw_.join(table.raw(), detail::value_joiner<K, V, W>(std::move(joiner)), kind,
                      kTypeOf<R>, options.raw()),
            options.raw().key ? options.raw().key : raw_.key, default_serde<R>()));
    }
    template <typename GK, typename W, typename M, typename F>
    auto join_global(const GlobalKTable<GK, W>& table, M mapper, F joiner, dsl::JoinKind kind,
                     const Named& named) const {
        using R = detail::ValueOf<typename detail::JoinFunction<F, K, V, W>::Result>;
        return KStream<K, R>(
            detail::with_serdes(raw_.join(table.raw(), detail::key_mapper<K, V>(std::move(mapper)),
                                          detail::value_joiner<K, V, W>(std::move(joiner)), kind,
                                          kTypeOf<R>, named.name),
                                raw_.key, default_serde<R>()));
    }

    dsl::Stream raw_;
};

}  // namespace millrace::streams
