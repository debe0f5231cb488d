#include "streams/state/states.h"

#include <limits>

namespace millrace::streams {

void set_maker(StoreSpec& spec) {
    switch (spec.kind) {
        case StoreKind::key_value:
        case StoreKind::timestamped_key_value:
            spec.make = &make_key_value_state;
            return;
        case StoreKind::window:
        case StoreKind::timestamped_window:
            spec.make = &make_window_state;
            return;
        case StoreKind::session:
            spec.make = &make_session_state;
            return;
        case StoreKind::versioned:
            spec.make = &make_versioned_state;
            return;
        case StoreKind::internal:
            return;
    }
}

const Headers& no_headers() {
    static const Headers none;
    return none;
}

TimedKey require_timed(const std::optional<TimedKey>& key, const StoreSpec& spec) {
    if (!key)
        throw ProcessorStateException(
            fmt::format("the changelog of the store {} holds a key without a time", spec.name));
    return *key;
}

Window time_window(TimestampMs start, int64_t size) {
    constexpr TimestampMs kEnd = std::numeric_limits<TimestampMs>::max();
    return {start, start > kEnd - size ? kEnd : start + size};
}

void require_key(Ref key, const StoreSpec& spec) {
    if (!key) throw NullPointerException(fmt::format("the store {} has no null key", spec.name));
}

}  // namespace millrace::streams
