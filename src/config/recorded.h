// For this room's tests: the recorded answers of Apache Kafka in tests/data/config.
#pragma once

#include <string>
#include <vector>

namespace millrace::config::testing {

// The fields of each line of a tab-separated file, without comment lines.
std::vector<std::vector<std::string>> recorded(const std::string& name);

}  // namespace millrace::config::testing
