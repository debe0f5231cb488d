// What happened against what was recorded, by the rules of the case format.
#pragma once

#include <string>
#include <vector>

#include "json.h"

namespace millrace::difftest {

// The differences, one line each; empty when there are none.
std::vector<std::string> differences(const Json& expected, const Json& actual);

}  // namespace millrace::difftest
