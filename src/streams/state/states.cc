#include "streams/state/states.h"

namespace millrace::streams {

void set_maker(StoreSpec& spec) {
    switch (spec.kind) {
        case StoreKind::key_value:
        case StoreKind::timestamped_key_value:
            spec.make = &make_key_value_state;
            return;
        default:
            return;
    }
}

const Headers& no_headers() {
    static const Headers none;
    return none;
}

void require_key(Ref key, const StoreSpec& spec) {
    if (!key) throw NullPointerException(fmt::format("the store {} has no null key", spec.name));
}

}  // namespace millrace::streams
