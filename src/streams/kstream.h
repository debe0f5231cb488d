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

#include "streams/core/adapt.h"
#include "streams/dsl/grouped.h"
#include "streams/options.h"
#include "streams/processor.h"
#include "streams/topology.h"
#include "streams/windows.h"

namespace millrace::streams {

template <typename K, typename V>
class KStream;
template <typename K, typename V>
class KTable;
template <typename K, typename V>
class KGroupedStream;
template <typename K, typename V>
class KGroupedTable;
template <typename K, typename A>
class CogroupedKStream;

namespace detail {
// A serde that was not given is the type's default.
template <typename T>
void or_default(SerdePtr& serde) {
    if (!serde) serde = default_serde<T>();
}
template <typename H>
H with_serdes(H handle, SerdePtr key, SerdePtr value) {
    handle.key = std::move(key);
    handle.value = std::move(value);
    return handle;
}
template <typename K, typename V>
using Store = std::optional<Materialized<K, V>>;
template <typename K, typename V>
std::optional<dsl::Materialized> raw(const Store<K, V>& store) {
    if (!store) return std::nullopt;
    dsl::Materialized raw = store->raw();
    return raw;
}
// For an operation that keeps its results in any case: the default serde of the value counts.
template <typename K, typename V>
std::optional<dsl::Materialized> kept(const Store<K, V>& store) {
    dsl::Materialized raw = store ? store->raw() : dsl::Materialized{};
    or_default<V>(raw.value);
    return raw;
}
inline std::vector<StoreSpecPtr> specs(const std::vector<StoreBuilder>& stores) {
    std::vector<StoreSpecPtr> list;
    for (const StoreBuilder& store : stores) list.push_back(store.spec());
    return list;
}
}  // namespace detail

template <typename K, typename V>
class GlobalKTable {
public:
    explicit GlobalKTable(dsl::GlobalTable raw) : raw_(std::move(raw)) {}
    const std::string& queryable_store_name() const { return raw_.store; }
    const dsl::GlobalTable& raw() const { return raw_; }

private:
    dsl::GlobalTable raw_;
};

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

template <typename K, typename V>
class KTable {
public:
    using Key = K;
    using Value = V;
    explicit KTable(dsl::Table raw) : raw_(std::move(raw)) {}

    template <typename F>
    KTable filter(F predicate, const Named& named = {},
                  const detail::Store<K, V>& store = {}) const {
        return KTable(raw_.filter(detail::predicate<K, V>(std::move(predicate)), false, named.name,
                                  detail::raw(store)));
    }
    template <typename F>
    KTable filter_not(F predicate, const Named& named = {},
                      const detail::Store<K, V>& store = {}) const {
        return KTable(raw_.filter(detail::predicate<K, V>(std::move(predicate)), true, named.name,
                                  detail::raw(store)));
    }
    // Not called for deletes.
    template <typename F>
    auto map_values(F mapper, const Named& named = {}) const {
        using V2 = detail::ValueOf<typename detail::ValueFunction<F, K, V>::Result>;
        return map_values(std::move(mapper), named, detail::Store<K, V2>());
    }
    template <typename F, typename V2>
    KTable<K, V2> map_values(F mapper, const Named& named,
                             const std::optional<Materialized<K, V2>>& store) const {
        return KTable<K, V2>(
            typed<V2>(raw_.map_values(detail::value_mapper<K, V>(std::move(mapper)), kTypeOf<V2>,
                                      named.name, detail::raw(store))));
    }
    template <typename V2>
    KTable<K, V2> transform_values(ValueTransformerSupplier<K, V, V2> supplier,
                                   std::vector<std::string> stores = {}, const Named& named = {},
                                   const detail::Store<K, V2>& store = {}) const;

    // The changes as records: a delete is a null.
    KStream<K, V> to_stream(const Named& named = {}) const {
        return KStream<K, V>(raw_.to_stream(named.name));
    }
    template <typename F>
        requires(!std::convertible_to<F, Named>)
    auto to_stream(F mapper, const Named& named = {}) const {
        using K2 = detail::ValueOf<detail::Called<F, detail::In<K>, detail::In<V>>>;
        return KStream<K2, V>(detail::with_serdes(
            raw_.to_stream(detail::key_mapper<K, V>(std::move(mapper)), kTypeOf<K2>, named.name),
            default_serde<K2>(), raw_.value));
    }
    KTable suppress(const Suppressed& suppressed) const {
        return KTable(raw_.suppress(suppressed.raw()));
    }
    // A pair of the new key and the new value.
    template <typename F>
    auto group_by(F mapper) const {
        using Pair = detail::Called<F, detail::In<K>, detail::In<V>>;
        using K2 = detail::ValueOf<std::remove_cvref_t<typename Pair::first_type>>;
        using V2 = detail::ValueOf<std::remove_cvref_t<typename Pair::second_type>>;
        return group_by(std::move(mapper), Grouped<K2, V2>());
    }
    template <typename F, typename K2, typename V2>
    KGroupedTable<K2, V2> group_by(F mapper, const Grouped<K2, V2>& grouped) const {
        dsl::Grouped options = grouped.raw();
        detail::or_default<K2>(options.key);
        detail::or_default<V2>(options.value);
        return KGroupedTable<K2, V2>(raw_.group_by(
            detail::key_value_mapper<K, V>(std::move(mapper)), kTypeOf<K2>, kTypeOf<V2>, options));
    }

    template <typename W, typename F>
    auto join(const KTable<K, W>& other, F joiner, const Named& named = {}) const {
        return join_as<Result<F, W>>(other, std::move(joiner), dsl::JoinKind::inner, named, {});
    }
    template <typename W, typename F, typename R>
    auto join(const KTable<K, W>& other, F joiner, const Named& named,
              const Materialized<K, R>& store) const {
        return join_as<R>(other, std::move(joiner), dsl::JoinKind::inner, named, store);
    }
    template <typename W, typename F>
    auto left_join(const KTable<K, W>& other, F joiner, const Named& named = {}) const {
        return join_as<Result<F, W>>(other, std::move(joiner), dsl::JoinKind::left, named, {});
    }
    template <typename W, typename F, typename R>
    auto left_join(const KTable<K, W>& other, F joiner, const Named& named,
                   const Materialized<K, R>& store) const {
        return join_as<R>(other, std::move(joiner), dsl::JoinKind::left, named, store);
    }
    template <typename W, typename F>
    auto outer_join(const KTable<K, W>& other, F joiner, const Named& named = {}) const {
        return join_as<Result<F, W>>(other, std::move(joiner), dsl::JoinKind::outer, named, {});
    }
    template <typename W, typename F, typename R>
    auto outer_join(const KTable<K, W>& other, F joiner, const Named& named,
                    const Materialized<K, R>& store) const {
        return join_as<R>(other, std::move(joiner), dsl::JoinKind::outer, named, store);
    }
    // By a key of the other table that `extractor` finds in the value (or key and value) of this.
    template <typename FK, typename W, typename E, typename F>
    auto join(const KTable<FK, W>& other, E extractor, F joiner, const Named& named = {}) const
        requires(!std::convertible_to<F, Named>)
    {
        return join_foreign<Result<F, W>>(other, std::move(extractor), std::move(joiner),
                                          dsl::JoinKind::inner, named, {});
    }
    template <typename FK, typename W, typename E, typename F, typename R>
    auto join(const KTable<FK, W>& other, E extractor, F joiner, const Named& named,
              const Materialized<K, R>& store) const {
        return join_foreign<R>(other, std::move(extractor), std::move(joiner), dsl::JoinKind::inner,
                               named, store);
    }
    template <typename FK, typename W, typename E, typename F>
    auto left_join(const KTable<FK, W>& other, E extractor, F joiner, const Named& named = {}) const
        requires(!std::convertible_to<F, Named>)
    {
        return join_foreign<Result<F, W>>(other, std::move(extractor), std::move(joiner),
                                          dsl::JoinKind::left, named, {});
    }
    template <typename FK, typename W, typename E, typename F, typename R>
    auto left_join(const KTable<FK, W>& other, E extractor, F joiner, const Named& named,
                   const Materialized<K, R>& store) const {
        return join_foreign<R>(other, std::move(extractor), std::move(joiner), dsl::JoinKind::left,
                               named, store);
    }

    // Empty when the table is not materialised under a name.
    const std::string& queryable_store_name() const { return raw_.queryable; }
    const dsl::Table& raw() const { return raw_; }

private:
    // Of a joiner whose sides may be missing.
    template <typename F, typename W>
    using Result = detail::ValueOf<typename detail::JoinFunction<F, K, V, W>::Result>;
    template <typename V2>
    static dsl::Table typed(dsl::Table table) {
        if (!table.value) table.value = default_serde<V2>();
        return table;
    }
    template <typename R, typename W, typename F>
    KTable<K, R> join_as(const KTable<K, W>& other, F joiner, dsl::JoinKind kind,
                         const Named& named, const detail::Store<K, R>& store) const {
        return KTable<K, R>(
            typed<R>(raw_.join(other.raw(), detail::value_joiner<K, V, W>(std::move(joiner)), kind,
                               kTypeOf<R>, named.name, detail::raw(store))));
    }
    template <typename R, typename FK, typename W, typename E, typename F>
    KTable<K, R> join_foreign(const KTable<FK, W>& other, E extractor, F joiner, dsl::JoinKind kind,
                              const Named& named, const detail::Store<K, R>& store) const {
        KeyMapper key = detail::value_mapper<K, V>(std::move(extractor));
        return KTable<K, R>(typed<R>(raw_.join_by_foreign_key(
            other.raw(), std::move(key), detail::value_joiner<K, V, W>(std::move(joiner)), kind,
            kTypeOf<R>, named.name, detail::raw(store))));
    }

    dsl::Table raw_;
};

template <typename K, typename V>
class TimeWindowedKStream {
public:
    using W = typename WindowedOf<K>::type;
    explicit TimeWindowedKStream(dsl::TimeWindowedStream raw) : raw_(std::move(raw)) {}

    TimeWindowedKStream emit_strategy(EmitStrategy strategy) const {
        return TimeWindowedKStream(raw_.emit_strategy(strategy));
    }
    KTable<W, int64_t> count(const Named& named = {},
                             const detail::Store<K, int64_t>& store = {}) const {
        return KTable<W, int64_t>(raw_.count(named.name, detail::raw(store)));
    }
    template <typename F>
    KTable<W, V> reduce(F f, const Named& named = {}, const detail::Store<K, V>& store = {}) const {
        return KTable<W, V>(
            raw_.reduce(detail::reducer<V>(std::move(f)), named.name, detail::raw(store)));
    }
    template <typename I, typename F>
    auto aggregate(I initializer, F f, const Named& named = {}) const {
        return aggregate(std::move(initializer), std::move(f), named,
                         Materialized<K, detail::ValueOf<std::invoke_result_t<I&>>>());
    }
    template <typename I, typename F, typename A>
    KTable<W, A> aggregate(I initializer, F f, const Named& named,
                           const Materialized<K, A>& store) const {
        return KTable<W, A>(raw_.aggregate(detail::initializer(std::move(initializer)),
                                           detail::aggregator<K, V, A>(std::move(f)), kTypeOf<A>,
                                           named.name, detail::kept(detail::Store<K, A>(store))));
    }

    const dsl::TimeWindowedStream& raw() const { return raw_; }

private:
    dsl::TimeWindowedStream raw_;
};

template <typename K, typename V>
class SessionWindowedKStream {
public:
    using W = typename WindowedOf<K>::type;
    explicit SessionWindowedKStream(dsl::SessionWindowedStream raw) : raw_(std::move(raw)) {}

    SessionWindowedKStream emit_strategy(EmitStrategy strategy) const {
        return SessionWindowedKStream(raw_.emit_strategy(strategy));
    }
    KTable<W, int64_t> count(const Named& named = {},
                             const detail::Store<K, int64_t>& store = {}) const {
        return KTable<W, int64_t>(raw_.count(named.name, detail::raw(store)));
    }
    template <typename F>
    KTable<W, V> reduce(F f, const Named& named = {}, const detail::Store<K, V>& store = {}) const {
        return KTable<W, V>(
            raw_.reduce(detail::reducer<V>(std::move(f)), named.name, detail::raw(store)));
    }
    // `merger` makes one aggregate of two sessions' that meet.
    template <typename I, typename F, typename M>
    auto aggregate(I initializer, F f, M merger, const Named& named = {}) const {
        return aggregate(std::move(initializer), std::move(f), std::move(merger), named,
                         Materialized<K, detail::ValueOf<std::invoke_result_t<I&>>>());
    }
    template <typename I, typename F, typename M, typename A>
    KTable<W, A> aggregate(I initializer, F f, M merger, const Named& named,
                           const Materialized<K, A>& store) const {
        return KTable<W, A>(raw_.aggregate(detail::initializer(std::move(initializer)),
                                           detail::aggregator<K, V, A>(std::move(f)),
                                           detail::merger<K, A>(std::move(merger)), kTypeOf<A>,
                                           named.name, detail::kept(detail::Store<K, A>(store))));
    }

    const dsl::SessionWindowedStream& raw() const { return raw_; }

private:
    dsl::SessionWindowedStream raw_;
};

template <typename K, typename V>
class KGroupedStream {
public:
    explicit KGroupedStream(dsl::GroupedStream raw) : raw_(std::move(raw)) {}

    KTable<K, int64_t> count(const Named& named = {},
                             const detail::Store<K, int64_t>& store = {}) const {
        return KTable<K, int64_t>(raw_.count(named.name, detail::raw(store)));
    }
    KTable<K, int64_t> count(const Materialized<K, int64_t>& store) const {
        return count({}, store);
    }
    template <typename F>
    KTable<K, V> reduce(F f, const Named& named = {}, const detail::Store<K, V>& store = {}) const {
        return KTable<K, V>(
            raw_.reduce(detail::reducer<V>(std::move(f)), named.name, detail::raw(store)));
    }
    // The aggregate is what the initializer returns; a null result of `f` deletes it.
    template <typename I, typename F>
    auto aggregate(I initializer, F f, const Named& named = {}) const {
        return aggregate(std::move(initializer), std::move(f), named,
                         Materialized<K, detail::ValueOf<std::invoke_result_t<I&>>>());
    }
    template <typename I, typename F, typename A>
    KTable<K, A> aggregate(I initializer, F f, const Named& named,
                           const Materialized<K, A>& store) const {
        return KTable<K, A>(raw_.aggregate(detail::initializer(std::move(initializer)),
                                           detail::aggregator<K, V, A>(std::move(f)), kTypeOf<A>,
                                           named.name, detail::kept(detail::Store<K, A>(store))));
    }
    TimeWindowedKStream<K, V> windowed_by(dsl::AnyTimeWindows windows) const {
        return TimeWindowedKStream<K, V>(raw_.windowed_by(std::move(windows), kWindowedTypeOf<K>));
    }
    SessionWindowedKStream<K, V> windowed_by(const SessionWindows& windows) const {
        return SessionWindowedKStream<K, V>(raw_.windowed_by(windows, kWindowedTypeOf<K>));
    }
    template <typename A, typename F>
    CogroupedKStream<K, A> cogroup(F f) const {
        return CogroupedKStream<K, A>(
            raw_.cogroup(detail::aggregator<K, V, A>(std::move(f)), kTypeOf<A>));
    }
    const dsl::GroupedStream& raw() const { return raw_; }

private:
    dsl::GroupedStream raw_;
};

template <typename K, typename V>
class KGroupedTable {
public:
    explicit KGroupedTable(dsl::GroupedTable raw) : raw_(std::move(raw)) {}

    KTable<K, int64_t> count(const Named& named = {},
                             const detail::Store<K, int64_t>& store = {}) const {
        return KTable<K, int64_t>(raw_.count(named.name, detail::raw(store)));
    }
    template <typename F, typename G>
    KTable<K, V> reduce(F adder, G subtractor, const Named& named = {},
                        const detail::Store<K, V>& store = {}) const {
        return KTable<K, V>(raw_.reduce(detail::reducer<V>(std::move(adder)),
                                        detail::reducer<V>(std::move(subtractor)), named.name,
                                        detail::raw(store)));
    }
    template <typename I, typename F, typename G>
    auto aggregate(I initializer, F adder, G subtractor, const Named& named = {}) const {
        return aggregate(std::move(initializer), std::move(adder), std::move(subtractor), named,
                         Materialized<K, detail::ValueOf<std::invoke_result_t<I&>>>());
    }
    template <typename I, typename F, typename G, typename A>
    KTable<K, A> aggregate(I initializer, F adder, G subtractor, const Named& named,
                           const Materialized<K, A>& store) const {
        return KTable<K, A>(raw_.aggregate(detail::initializer(std::move(initializer)),
                                           detail::aggregator<K, V, A>(std::move(adder)),
                                           detail::aggregator<K, V, A>(std::move(subtractor)),
                                           kTypeOf<A>, named.name,
                                           detail::kept(detail::Store<K, A>(store))));
    }

private:
    dsl::GroupedTable raw_;
};

// Several grouped streams, aggregated into one value per key.
template <typename K, typename A>
class CogroupedKStream {
public:
    using W = typename WindowedOf<K>::type;
    explicit CogroupedKStream(dsl::CogroupedStream raw) : raw_(std::move(raw)) {}

    template <typename V, typename F>
    CogroupedKStream cogroup(const KGroupedStream<K, V>& group, F f) const {
        return CogroupedKStream(
            raw_.cogroup(group.raw(), detail::aggregator<K, V, A>(std::move(f))));
    }
    template <typename I>
    KTable<K, A> aggregate(I initializer, const Named& named = {},
                           const detail::Store<K, A>& store = {}) const {
        return KTable<K, A>(raw_.aggregate(detail::initializer(std::move(initializer)), named.name,
                                           detail::kept(store)));
    }
    // In windows: what Kafka's cogrouped.windowedBy(…).aggregate(…) does.
    template <typename I>
    KTable<W, A> aggregate(dsl::AnyTimeWindows windows, I initializer, const Named& named = {},
                           const detail::Store<K, A>& store = {}) const {
        return KTable<W, A>(raw_.aggregate(std::move(windows), kWindowedTypeOf<K>,
                                           detail::initializer(std::move(initializer)), named.name,
                                           detail::kept(store)));
    }
    template <typename I, typename M>
    KTable<W, A> aggregate(const SessionWindows& windows, I initializer, M merger,
                           const Named& named = {}, const detail::Store<K, A>& store = {}) const {
        return KTable<W, A>(raw_.aggregate(
            windows, kWindowedTypeOf<K>, detail::initializer(std::move(initializer)),
            detail::merger<K, A>(std::move(merger)), named.name, detail::kept(store)));
    }

private:
    dsl::CogroupedStream raw_;
};

namespace detail {
template <typename K, typename V, typename V2>
class TransformerAdapter final : public dsl::AnyValueTransformer {
public:
    explicit TransformerAdapter(std::unique_ptr<ValueTransformer<K, V, V2>> transformer)
        : transformer_(std::move(transformer)) {}
    void init(NodeContext& context) override {
        context_.emplace(context);
        transformer_->init(*context_);
    }
    Box transform(Ref key, Ref value) override {
        return to_box(
            transformer_->transform(not_null<K>(key, "key"), static_cast<const V*>(value)));
    }
    void close() override { transformer_->close(); }

private:
    std::unique_ptr<ValueTransformer<K, V, V2>> transformer_;
    std::optional<ProcessingContext> context_;
};
}  // namespace detail

template <typename K, typename V>
template <typename V2>
KTable<K, V2> KTable<K, V>::transform_values(ValueTransformerSupplier<K, V, V2> supplier,
                                             std::vector<std::string> stores, const Named& named,
                                             const detail::Store<K, V2>& store) const {
    const auto make = [supplier = std::move(supplier)]() {
        return std::make_unique<detail::TransformerAdapter<K, V, V2>>(supplier());
    };
    return KTable<K, V2>(typed<V2>(raw_.transform_values(make, kTypeOf<V2>, named.name,
                                                         detail::raw(store), std::move(stores))));
}

}  // namespace millrace::streams
