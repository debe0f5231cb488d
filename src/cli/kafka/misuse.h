// What Kafka's tools do with a command line that they do not take, and with --help and --version.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "cli/kafka/joptsimple.h"
#include "cli/kafka/tool.h"

namespace millrace::cli::kafka {

// The release whose tools these stand in for; what they answer to --version.
constexpr std::string_view kKafkaVersion = "4.3.1";

// "--help" and "--version" of every tool.
constexpr Option kHelp{"help", Takes::nothing, "", "Show this help."};
constexpr Option kVersion{"version", Takes::nothing, "",
                          "Show the release of Kafka that is meant."};

// The sentence and the options to stderr; the exit status, 1.
int misused(const Console& console, std::string_view sentence, std::span<const Option> options);

// What is to be done before a tool looks at its arguments: nothing, or it ends with this status.
// Without any argument, and with --help, a tool shows its purpose and options and fails.
std::optional<int> help_or_version(const Console& console, const Words& words,
                                   const Arguments& arguments, std::string_view purpose,
                                   std::span<const Option> options);

// The first of `needed` that was not given, as a sentence; nothing when all were.
std::optional<std::string> missing_argument(const Arguments& arguments,
                                            std::initializer_list<std::string_view> needed);
// The first of `forbidden` that was given beside `option`, as a sentence.
std::optional<std::string> clash(const Arguments& arguments, std::string_view option,
                                 std::initializer_list<std::string_view> forbidden);

}  // namespace millrace::cli::kafka
