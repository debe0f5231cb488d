// Runs a case: builds its topology, does its steps, and writes down what happened.
#pragma once

#include "json.h"

namespace millrace::difftest {

// In the form of a case's `expected`, but every store also says its `retention`, and a store that
// only its operation can read has the kind `internal`. CaseError for a case that makes no sense.
Json run_case(const Json& the_case);

}  // namespace millrace::difftest
