// Options that Kafka has given another name, and still takes under the old one. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "cli/kafka/joptsimple.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

struct ReplacedOption {
    std::string_view old_name;
    std::string_view name;
};

// The name that was used, `name` when neither was. Of the old one a warning that begins with
// `begin` goes to out. Both together: invalid_request.
inline Result<std::string_view> name_used(const Console& console, const Arguments& arguments,
                                          const ReplacedOption& option, std::string_view begin,
                                          bool old_first = false) {
    if (!arguments.has(option.old_name)) return option.name;
    if (arguments.has(option.name))
        return fail(ErrorCode::invalid_request,
                    fmt::format("Options --{} and --{} cannot be specified together.",
                                old_first ? option.old_name : option.name,
                                old_first ? option.name : option.old_name));
    console.line(fmt::format(
        "{} --{} is deprecated and will be removed in a future version. Use --{} instead.", begin,
        option.old_name, option.name));
    return option.old_name;
}

}  // namespace millrace::cli::kafka
