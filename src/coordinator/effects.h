// What a state machine answers to an input: records for its log, and what to do when they are
// committed.
//
// The contract between machine and driver (coordinator/lanes.h keeps inputs apart that must not
// meet in between):
//   1. the driver hands an input to the machine, which changes nothing durable and fills in
//      Effects;
//   2. `completed` replies go out at once: they do not depend on the records;
//   3. the records are appended; when they are committed, each is given to apply(), and only that
//      changes durable state;
//   4. `after` hears none, or the append's error (nothing was applied), and may have effects of its
//      own;
//   5. the reply to the input goes out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error_code.h"
#include "coordinator/record.h"

namespace millrace::coordinator {

// Names a reply that the machine gives later. The driver chooses it and knows who waits for it.
using Token = uint64_t;

template <typename Reply>
struct Effects {
    std::vector<Record> records;
    // The transaction that the records are part of.
    std::optional<TransactionalWriter> writer;
    std::vector<std::pair<Token, Reply>> completed;
    std::function<void(ErrorCode, Effects&)> after;
};

// Adds to what happens when the records are committed or failed.
template <typename Reply>
void then(Effects<Reply>& effects,
          std::type_identity_t<std::function<void(ErrorCode, Effects<Reply>&)>> step) {
    if (!effects.after) {
        effects.after = std::move(step);
        return;
    }
    effects.after = [first = std::move(effects.after), next = std::move(step)](
                        ErrorCode error, Effects<Reply>& more) {
        first(error, more);
        next(error, more);
    };
}

// The times at which an input comes.
struct Now {
    int64_t mono_ms = 0;  // a clock that only moves forward, for deadlines
    int64_t wall_ms = 0;  // milliseconds since 1970, for what is stored
};

}  // namespace millrace::coordinator
