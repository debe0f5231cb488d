#include "config/recorded.h"

#include <doctest/doctest.h>

#include <fstream>

namespace millrace::config::testing {

std::vector<std::vector<std::string>> recorded(const std::string& name) {
    std::ifstream file("tests/data/config/" + name);
    REQUIRE_MESSAGE(file.is_open(), name);
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        std::vector<std::string>& row = rows.emplace_back();
        for (size_t at = 0;;) {
            const size_t tab = line.find('\t', at);
            row.push_back(line.substr(at, tab - at));
            if (tab == std::string::npos) break;
            at = tab + 1;
        }
    }
    return rows;
}

}  // namespace millrace::config::testing
