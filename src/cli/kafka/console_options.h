// What kafka-console-consumer and kafka-console-share-consumer are told in the same way.
#pragma once

#include "cli/kafka/formatter.h"
#include "cli/kafka/replaced_option.h"

namespace millrace::cli::kafka {

// Of options that have an old name and a new one, those that were used.
struct ConsoleNames {
    std::string_view formatter;
    std::string_view pairs;
    std::string_view file;
};
// invalid_request: both names of one.
Result<ConsoleNames> names_used(const Console& console, const Arguments& arguments,
                                std::string_view old_file_option);

// The group of --group, and of properties: of the file, and of it and pairs together; nothing when
// none names one. invalid_request: they name different ones.
Result<std::optional<std::string>> read_group(const Arguments& arguments, const Properties& file,
                                              const Properties& all,
                                              std::string_view old_file_option);

// By --formatter, its properties and --key-deserializer, --value-deserializer.
Result<std::unique_ptr<const Formatter>> read_formatter(const Console& console,
                                                        const Arguments& arguments,
                                                        std::string_view pairs);

}  // namespace millrace::cli::kafka
