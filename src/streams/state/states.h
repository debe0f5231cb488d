// The states of the store kinds, each made from its spec.
#pragma once

#include "streams/state/store.h"
#include "streams/state/timed_key.h"

namespace millrace::streams {

// StoreKind::key_value, timestamped_key_value.
std::unique_ptr<StateStore> make_key_value_state(const StoreSpec& spec);

// StoreKind::window, timestamped_window.
std::unique_ptr<StateStore> make_window_state(const StoreSpec& spec);
// StoreKind::session.
std::unique_ptr<StateStore> make_session_state(const StoreSpec& spec);

// StoreKind::versioned.
std::unique_ptr<StateStore> make_versioned_state(const StoreSpec& spec);

// No headers: what stands in every changelog of these stores.
const Headers& no_headers();

// ProcessorStateException when there is none: a changelog's record is not this store's.
TimedKey require_timed(const std::optional<TimedKey>& key, const StoreSpec& spec);

// [start, start + size), which ends at the end of time at the latest.
Window time_window(TimestampMs start, int64_t size);

// NullPointerException for a null key.
void require_key(Ref key, const StoreSpec& spec);

}  // namespace millrace::streams
