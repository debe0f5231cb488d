// What the typed streams and tables of the DSL have in common: the wrapping of the user's functions,
// and serdes that were not given.
#pragma once

#include "streams/core/adapt.h"
#include "streams/dsl/grouped.h"
#include "streams/options.h"
#include "streams/processor.h"
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
// For an operation that makes values of another kind: if they are kept, their default serde counts.
template <typename K, typename V>
std::optional<dsl::Materialized> made(const Store<K, V>& store) {
    std::optional<dsl::Materialized> raw = detail::raw(store);
    if (raw) or_default<V>(raw->value);
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

}  // namespace millrace::streams
