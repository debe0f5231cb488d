#include "cli/kafka/misuse.h"

namespace millrace::cli::kafka {

int misused(const Console& console, std::string_view sentence, std::span<const Option> options) {
    std::fflush(console.out);
    console.error_line(sentence);
    console.error_line(option_table(options));
    return kFailed;
}

std::optional<int> help_or_version(const Console& console, const Words& words,
                                   const Arguments& arguments, std::string_view purpose,
                                   std::span<const Option> options) {
    if (words.empty() || arguments.has("help")) return misused(console, purpose, options);
    if (arguments.has("version")) {
        console.line(kKafkaVersion);
        return kDone;
    }
    return std::nullopt;
}

std::optional<std::string> missing_argument(const Arguments& arguments,
                                            std::initializer_list<std::string_view> needed) {
    for (const std::string_view name : needed)
        if (!arguments.has(name)) return fmt::format("Missing required argument \"[{}]\"", name);
    return std::nullopt;
}

std::optional<std::string> clash(const Arguments& arguments, std::string_view option,
                                 std::initializer_list<std::string_view> forbidden) {
    if (!arguments.has(option)) return std::nullopt;
    for (const std::string_view other : forbidden)
        if (other != option && arguments.has(other))
            return fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", option, other);
    return std::nullopt;
}

}  // namespace millrace::cli::kafka
