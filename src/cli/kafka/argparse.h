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
#include "cli/output/console.h"

namespace millrace::cli::kafka {

struct Flag {
    // many: one at each place; several: all words up to the next flag
    enum class Takes : uint8_t { nothing, one, many, several };

    std::string_view name;    // without the hyphens
    std::string_view letter;  // "" when there is none
    Takes takes = Takes::nothing;
    bool required = false;
    int group = 0;  // of flags with the same number, if it is not 0, only one may be given
    std::string_view help;
    std::string_view number = {};  // what Java calls it, if it is one: Short, Integer, Long, Double
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
    // Of a flag that is a whole number. INVARIANT: it was declared as one.
    std::optional<int64_t> number(std::string_view name) const;

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// A sub-command of a tool, and its flags.
struct Command {
    std::string_view name;
    std::string_view help;
    std::span<const Flag> flags;
};
struct ParsedCommand {
    const Command* command = nullptr;
    FlagValues before;  // what stands before the sub-command
    FlagValues flags;
};
// Reads `words` of a tool that is told to people as `program`: `before`, the sub-command, its
// flags. Help goes to `out`; the status, where that or a mistake ends the tool, to `status`.
std::optional<ParsedCommand> parse_command(const Console& console, std::string_view program,
                                           std::span<const Flag> before,
                                           std::span<const Command> commands,
                                           const std::vector<std::string>& words, int& status);

// Of a tool without sub-commands. As parse_command; the usage and the sentence go to stderr.
std::optional<FlagValues> parse_flags(const Console& console, std::string_view program,
                                      std::span<const Flag> flags,
                                      const std::vector<std::string>& words, int& status);
// What such a tool says of a mistake that it finds later; kFailed.
int flags_misused(const Console& console, std::string_view program, std::span<const Flag> flags,
                  std::string_view why);

// "'a', 'b', 'c'"
std::string quoted_list(std::span<const std::string_view> names);
// A line for each flag.
std::string flag_table(std::span<const Flag> flags);

}  // namespace millrace::cli::kafka
