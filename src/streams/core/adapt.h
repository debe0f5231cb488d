// From a user's function over typed values to the engine's over references.
//
// A parameter for a value of type T may be `const T&` (or T): a null is then an error that the
// processing exception handler gets; or `const T*`, which is null for a null. A function may return
// T, or std::optional<T>, whose absence is null.
#pragma once

#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "streams/core/functions.h"
#include "streams/record.h"

namespace millrace::streams::detail {

// How an argument is handed over: read only, or (an aggregate) given away.
template <typename T>
struct In {
    using Value = T;
    static const T& by_reference(Ref ref) { return not_null<T>(ref, "argument"); }
};
template <typename T>
struct Owned {
    using Value = T;
    static T&& by_reference(Ref ref) {
        not_null<T>(ref, "aggregate");
        return std::move(*static_cast<T*>(const_cast<void*>(ref)));
    }
};

template <bool kPointer, typename A>
using Passed =
    std::conditional_t<kPointer, const typename A::Value*, decltype(A::by_reference(nullptr))>;
template <bool kPointer, typename A>
Passed<kPointer, A> pass(Ref ref) {
    if constexpr (kPointer)
        return static_cast<const typename A::Value*>(ref);
    else
        return A::by_reference(ref);
}

// Of the ways to pass the arguments, bit i of the mask telling whether argument i is a pointer, the
// first that F takes; -1 for none.
template <typename F, typename... As>
struct Calling {
    static constexpr size_t kWays = size_t{1} << sizeof...(As);

    template <size_t kMask, size_t... kIs>
    static constexpr bool takes(std::index_sequence<kIs...>) {
        return std::is_invocable_v<F&, Passed<(kMask >> kIs & 1) != 0, As>...>;
    }
    template <size_t kMask = 0>
    static constexpr int way() {
        if constexpr (kMask == kWays)
            return -1;
        else if constexpr (takes<kMask>(std::index_sequence_for<As...>{}))
            return static_cast<int>(kMask);
        else
            return way<kMask + 1>();
    }
    template <size_t... kIs, typename... Refs>
    static decltype(auto) call(F& f, std::index_sequence<kIs...>, Refs... refs) {
        constexpr auto kMask = static_cast<size_t>(way());
        return std::invoke(f, pass < (kMask >> kIs & 1) != 0, As > (refs)...);
    }
};
template <typename F, typename... As>
concept CallableWith = Calling<F, As...>::way() >= 0;

template <typename... As, typename F, typename... Refs>
decltype(auto) call(F& f, Refs... refs) {
    static_assert(CallableWith<F, As...>,
                  "the function takes none of the arguments' forms (const T& or const T*)");
    return Calling<F, As...>::call(f, std::index_sequence_for<As...>{}, refs...);
}
template <typename F, typename... As>
using Called = std::remove_cvref_t<decltype(call<As...>(
    std::declval<F&>(), (static_cast<void>(sizeof(As)), Ref{})...))>;

// What a function's result is a value of.
template <typename T>
struct Nullable {
    using Value = T;
    static Box box(T value) { return Box::of<T>(std::move(value)); }
};
template <typename T>
struct Nullable<std::optional<T>> {
    using Value = T;
    static Box box(std::optional<T> value) { return value ? Box::of<T>(*std::move(value)) : Box(); }
};
template <typename R>
using ValueOf = typename Nullable<R>::Value;
template <typename R>
Box to_box(R result) {
    return Nullable<R>::box(std::move(result));
}
// The result as a reference, as long as it lives.
template <typename R>
Ref to_ref(const R& result) {
    return &result;
}
template <typename T>
Ref to_ref(const std::optional<T>& result) {
    return result ? &*result : nullptr;
}

template <typename K, typename V, typename F>
Predicate predicate(F f) {
    return [f = std::move(f)](Ref key, Ref value) mutable -> bool {
        return call<In<K>, In<V>>(f, key, value);
    };
}

template <typename K, typename V, typename F>
ForeachAction foreach_action(F f) {
    return [f = std::move(f)](Ref key, Ref value) mutable { call<In<K>, In<V>>(f, key, value); };
}

// A function of the key and the value, or of the value alone.
template <typename F, typename K, typename V>
struct ValueFunction {
    static constexpr bool kValueOnly = CallableWith<F, In<V>>;
    static decltype(auto) call_it(F& f, Ref key, Ref value) {
        if constexpr (kValueOnly)
            return call<In<V>>(f, value);
        else
            return call<In<K>, In<V>>(f, key, value);
    }
    using Result = std::remove_cvref_t<decltype(call_it(std::declval<F&>(), Ref{}, Ref{}))>;
};

template <typename K, typename V, typename F>
ValueMapper value_mapper(F f) {
    return [f = std::move(f)](Ref key, Ref value) mutable {
        return to_box(ValueFunction<F, K, V>::call_it(f, key, value));
    };
}
template <typename K, typename V, typename F>
KeyMapper key_mapper(F f) {
    return [f = std::move(f)](Ref key, Ref value) mutable {
        return to_box(call<In<K>, In<V>>(f, key, value));
    };
}
template <typename K, typename V, typename F>
KeyValueMapper key_value_mapper(F f) {
    return [f = std::move(f)](Ref key, Ref value) mutable {
        auto pair = call<In<K>, In<V>>(f, key, value);
        return std::pair{to_box(std::move(pair.first)), to_box(std::move(pair.second))};
    };
}
template <typename K, typename V, typename F>
FlatKeyValueMapper flat_key_value_mapper(F f) {
    return
        [f = std::move(f)](Ref key, Ref value, const std::function<void(Ref, Ref)>& emit) mutable {
            const auto results = call<In<K>, In<V>>(f, key, value);
            for (const auto& [k, v] : results) emit(to_ref(k), to_ref(v));
        };
}
template <typename K, typename V, typename F>
FlatValueMapper flat_value_mapper(F f) {
    return [f = std::move(f)](Ref key, Ref value, const std::function<void(Ref)>& emit) mutable {
        const auto results = ValueFunction<F, K, V>::call_it(f, key, value);
        for (const auto& v : results) emit(to_ref(v));
    };
}

template <typename F>
Initializer initializer(F f) {
    return [f = std::move(f)]() mutable { return to_box(std::invoke(f)); };
}
template <typename K, typename V, typename A, typename F>
Aggregator aggregator(F f) {
    return [f = std::move(f)](Ref key, Ref value, Box aggregate) mutable {
        return to_box(call<In<K>, In<V>, Owned<A>>(f, key, value, aggregate.get()));
    };
}
template <typename V, typename F>
Reducer reducer(F f) {
    return [f = std::move(f)](Box aggregate, Ref value) mutable {
        return to_box(call<Owned<V>, In<V>>(f, aggregate.get(), value));
    };
}
template <typename K, typename A, typename F>
Merger merger(F f) {
    return [f = std::move(f)](Ref key, Box left, Box right) mutable {
        return to_box(call<In<K>, Owned<A>, Owned<A>>(f, key, left.get(), right.get()));
    };
}

// A function of the key and both values, or of the values alone. A side that can be missing is
// passed as a pointer, if the function takes one.
template <typename F, typename K, typename L, typename R>
struct JoinFunction {
    static constexpr bool kValuesOnly = CallableWith<F, In<L>, In<R>>;
    static decltype(auto) call_it(F& f, Ref key, Ref left, Ref right) {
        if constexpr (kValuesOnly)
            return call<In<L>, In<R>>(f, left, right);
        else
            return call<In<K>, In<L>, In<R>>(f, key, left, right);
    }
    using Result = std::remove_cvref_t<decltype(call_it(std::declval<F&>(), Ref{}, Ref{}, Ref{}))>;
};
template <typename K, typename L, typename R, typename F>
ValueJoiner value_joiner(F f) {
    return [f = std::move(f)](Ref key, Ref left, Ref right) mutable {
        return to_box(JoinFunction<F, K, L, R>::call_it(f, key, left, right));
    };
}

}  // namespace millrace::streams::detail
