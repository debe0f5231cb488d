// The states of the store kinds, each made from its spec.
#pragma once

#include "streams/state/store.h"

namespace millrace::streams {

// StoreKind::key_value, timestamped_key_value.
std::unique_ptr<StateStore> make_key_value_state(const StoreSpec& spec);

// No headers: what stands in every changelog of these stores.
const Headers& no_headers();

// NullPointerException for a null key.
void require_key(Ref key, const StoreSpec& spec);

}  // namespace millrace::streams
