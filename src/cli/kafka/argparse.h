// Command lines as kafka-storage and a few more of Kafka's tools read them (the Java library
// argparse4j): options with a long and a short name, `--name value`, `--name=value`, `-nvalue`,
// long names cut short where that is unambiguous, and a sub-command whose options follow it.
// Messages are the library's. Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::cli::kafka {

struct Flag {
    enum class Takes : uint8_t { nothing, one, many };

    std::string_view name;    // without the hyphens
    std::string_view letter;  // "" when there is none
    Takes takes = Takes::nothing;
    bool required = false;
    int group = 0;  // of flags with the same number, if it is not 0, only one may be given
    std::string_view help;
};

class FlagValues {
public:
    // `words` follow the sub-command. Errors: invalid_request with the library's sentence, which
    // goes after "<program>: error: ".
    static Result<FlagValues> parse(std::span<const Flag> flags,
                                    std::span<const std::string> words);

    bool has(std::string_view name) const { return values_.contains(name); }
    std::optional<std::string> value(std::string_view name) const;
    const std::vector<std::string>& values(std::string_view name) const;

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// "'a', 'b', 'c'"
std::string quoted_list(std::span<const std::string_view> names);
// A line for each flag.
std::string flag_table(std::span<const Flag> flags);

}  // namespace millrace::cli::kafka
