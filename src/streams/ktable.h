// Tables: KTable, what group_by() makes of it, and GlobalKTable. kstream.h says how functions are
// written.
#pragma once

#include "streams/dsl/typed.h"

namespace millrace::streams {

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
                                      named.name, detail::made(store))));
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
                               kTypeOf<R>, named.name, detail::made(store))));
    }
    template <typename R, typename FK, typename W, typename E, typename F>
    KTable<K, R> join_foreign(const KTable<FK, W>& other, E extractor, F joiner, dsl::JoinKind kind,
                              const Named& named, const detail::Store<K, R>& store) const {
        KeyMapper key = detail::value_mapper<K, V>(std::move(extractor));
        return KTable<K, R>(typed<R>(raw_.join_by_foreign_key(
            other.raw(), std::move(key), detail::value_joiner<K, V, W>(std::move(joiner)), kind,
            kTypeOf<R>, named.name, detail::made(store))));
    }

    dsl::Table raw_;
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
                                                         detail::made(store), std::move(stores))));
}

}  // namespace millrace::streams

#include "streams/kstream.h"
