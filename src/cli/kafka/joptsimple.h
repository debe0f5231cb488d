// Command lines as most of Kafka's tools read them (the Java library joptsimple).
//
//   --name value   --name=value   -name value     the same
//   --name=        an empty value
//   --             ends the options
//
// An option may be repeated; which of its values count is the tool's affair: value() refuses more
// than one. Words that are no option and no value are left over. Names are never abbreviated: the
// tools turn that off. Error messages are the library's, since people meet them in their scripts'
// logs. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::cli::kafka {

enum class Takes : uint8_t { nothing, value, maybe_value };

struct Option {
    std::string_view name;
    Takes takes = Takes::nothing;
    std::string_view shows;  // what the value is called in the help
    std::string_view help;
};

// Options of one tool and those that it shares with others.
template <size_t N, size_t M>
constexpr std::array<Option, N + M> joined(const std::array<Option, N>& own,
                                           const std::array<Option, M>& shared) {
    std::array<Option, N + M> out{};
    std::ranges::copy(own, out.begin());
    std::ranges::copy(shared, out.begin() + N);
    return out;
}

class Arguments {
public:
    // Errors: invalid_request, with the library's sentence.
    static Result<Arguments> parse(std::span<const Option> options,
                                   const std::vector<std::string>& words);

    bool has(std::string_view name) const { return values_.contains(name); }
    // INVARIANT: the option was declared. invalid_request when it was given twice.
    Result<std::optional<std::string>> value(std::string_view name) const;
    // All values, in order; empty when it was not given.
    const std::vector<std::string>& values(std::string_view name) const;
    // An int32; invalid_request when it is none.
    Result<std::optional<int32_t>> number(std::string_view name) const;
    Result<std::optional<int64_t>> long_number(std::string_view name) const;
    const std::vector<std::string>& rest() const { return rest_; }
    // Option and value in the order in which they were given; "" for an option without a value.
    const std::vector<std::pair<std::string, std::string>>& said() const { return said_; }

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
    std::vector<std::string> rest_;
    std::vector<std::pair<std::string, std::string>> said_;
};

// The table of options that a tool prints when it is asked for help or misused.
std::string option_table(std::span<const Option> options);

}  // namespace millrace::cli::kafka
