// Which topics, groups ... a command is about: names and patterns, as people write them. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace millrace::cli {

// Kafka's allow-list of topics: patterns separated by commas, each of which may be the whole name
// ("t1,orders.*").
class NameFilter {
public:
    // invalid_request: not a regular expression.
    static Result<NameFilter> parse(std::string_view text);
    bool fits(std::string_view name) const;

private:
    std::shared_ptr<const re2::RE2> pattern_;
};

// The topics that belong to the system itself.
bool is_internal_topic(std::string_view name);

}  // namespace millrace::cli
