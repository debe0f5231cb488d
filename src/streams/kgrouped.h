// Streams by key: what group_by() and group_by_key() make of a stream, in windows, in sessions, and
// several of them together. kstream.h says how functions are written.
#pragma once

#include "streams/ktable.h"

namespace millrace::streams {

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

}  // namespace millrace::streams
