#include "cli/kafka/console_options.h"

#include <algorithm>

namespace millrace::cli::kafka {

Result<ConsoleNames> names_used(const Console& console, const Arguments& arguments,
                                std::string_view old_file_option) {
    ConsoleNames out;
    TRY(out.formatter,
        name_used(console, arguments, {"property", "formatter-property"}, "Option", true));
    TRY(out.pairs,
        name_used(console, arguments, {"consumer-property", "command-property"}, "Option", true));
    TRY(out.file,
        name_used(console, arguments, {old_file_option, "command-config"}, "Option", true));
    return out;
}

Result<std::optional<std::string>> read_group(const Arguments& arguments, const Properties& file,
                                              const Properties& all,
                                              std::string_view old_file_option) {
    std::vector<std::string> named;
    const auto add = [&](const std::optional<std::string>& name) {
        if (name && std::ranges::find(named, *name) == named.end()) named.push_back(*name);
    };
    TRY(const auto option, arguments.value("group"));
    add(option);
    add(all.find("group.id"));
    add(file.find("group.id"));
    if (named.size() > 1)
        return fail(
            ErrorCode::invalid_request,
            fmt::format("The group ids provided in different places (directly using '--group', via "
                        "'--consumer-property', or via '{}') do not match. Detected group ids: "
                        "'{}'",
                        old_file_option, fmt::join(named, "', '")));
    if (named.empty()) return std::optional<std::string>{};
    return std::optional{named[0]};
}

Result<std::unique_ptr<const Formatter>> read_formatter(const Console& console,
                                                        const Arguments& arguments,
                                                        std::string_view pairs) {
    TRY(Properties properties, read_properties(arguments, "formatter-config", pairs));
    for (const std::string_view which : {"key", "value"}) {
        TRY(const auto name, arguments.value(fmt::format("{}-deserializer", which)));
        if (name) properties.set(fmt::format("{}.deserializer", which), *name);
    }
    TRY(const auto name, arguments.value("formatter"));
    MadeFormatter made = make_formatter(name.value_or(std::string{kDefaultFormatter}), properties);
    if (!made.formatter) return fail(ErrorCode::invalid_request, *name);
    for (const std::string& complaint : made.complaints) console.error_line(complaint);
    return std::move(made.formatter);
}

}  // namespace millrace::cli::kafka
