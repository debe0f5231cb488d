// Windows of time, and keys with a window.
//
// Kafka: Window, Windowed, TimeWindowedSerializer, SessionWindowedSerializer.
#pragma once

#include <compare>
#include <cstdint>

#include "base/units.h"
#include "streams/serde.h"

namespace millrace::streams {

// Milliseconds since 1970. Of time windows the end is exclusive, of sessions inclusive.
struct Window {
    TimestampMs start = 0;
    TimestampMs end = 0;
    friend auto operator<=>(const Window&, const Window&) = default;
};

template <typename K>
struct Windowed {
    K key;
    Window window;
    friend auto operator<=>(const Windowed&, const Windowed&) = default;
};

// Which type is "a K with a window". Specialise it only for a type that holds both.
template <typename K>
struct WindowedOf {
    using type = Windowed<K>;
    static type make(const K& key, Window window) { return {key, window}; }
    static const K& key(const type& windowed) { return windowed.key; }
    static Window window(const type& windowed) { return windowed.window; }
};

// The same for the engine.
struct WindowedType {
    const Type* key;
    const Type* windowed;
    Box (*make)(Ref key, Window window);
    Ref (*key_of)(Ref windowed);
    Window (*window_of)(Ref windowed);
};

template <typename K>
inline constexpr WindowedType kWindowedTypeOf{
    .key = &kTypeOf<K>,
    .windowed = &kTypeOf<typename WindowedOf<K>::type>,
    .make =
        [](Ref key, Window window) {
            return Box::of(WindowedOf<K>::make(*static_cast<const K*>(key), window));
        },
    .key_of = [](Ref windowed) -> Ref {
        using W = typename WindowedOf<K>::type;
        return &WindowedOf<K>::key(*static_cast<const W*>(windowed));
    },
    .window_of =
        [](Ref windowed) {
            using W = typename WindowedOf<K>::type;
            return WindowedOf<K>::window(*static_cast<const W*>(windowed));
        },
};

// key · start (8). A window's end is not written: reading takes the size.
SerdePtr time_windowed_serde(const WindowedType& type, SerdePtr inner, int64_t size_ms);
// key · end (8) · start (8).
SerdePtr session_windowed_serde(const WindowedType& type, SerdePtr inner);

template <typename K>
Serde<typename WindowedOf<K>::type> time_windowed_serde(const Serde<K>& inner, int64_t size_ms) {
    return time_windowed_serde(kWindowedTypeOf<K>, inner ? inner.erased() : default_serde<K>(),
                               size_ms);
}
template <typename K>
Serde<typename WindowedOf<K>::type> session_windowed_serde(const Serde<K>& inner) {
    return session_windowed_serde(kWindowedTypeOf<K>, inner ? inner.erased() : default_serde<K>());
}

}  // namespace millrace::streams
