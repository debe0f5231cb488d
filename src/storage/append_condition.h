// What an append may demand of the log that it finds: where the log ends, and what the last records
// of keys are. Judged together with the append, which nothing can come between: all conditions hold
// and the batch is appended, or nothing is. docs/conditional-append.md says what each means.
//
// Owner: the request that appends; Log::append_as_leader fills in what it found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"

namespace millrace::storage {

struct ExpectedKey {
    int32_t record_index;  // of the batch that is appended: the key is that record's
    Offset offset;         // of the key's last record; kNoRecord: it has none
};

// A key whose condition does not hold.
struct ActualKey {
    int32_t record_index;
    Offset offset;   // of the key's last record; kNoRecord
    Offset pending;  // a record of the key that another transaction wrote and did not yet commit or
                     // abort; -1: none
    friend bool operator==(const ActualKey&, const ActualKey&) = default;
};

constexpr Offset kNoRecord = -1;
// More conditions on keys are refused: no request needs them, and each costs memory.
constexpr size_t kExpectedKeysMax = 100'000;

struct AppendCondition {
    Offset expected_end = -1;  // -1: any
    std::vector<ExpectedKey> expected_keys;

    // Set by a failed append.
    Offset actual_end = -1;  // -1: that condition held, or there was none
    std::vector<ActualKey> actual_keys;

    // A sentence on what did not hold.
    std::string failure() const;
};

}  // namespace millrace::storage
