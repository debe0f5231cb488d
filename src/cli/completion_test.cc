#include "cli/completion.h"

#include <doctest/doctest.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

using namespace millrace::cli;

TEST_CASE("a shell's script names all commands and options") {
    CLI::App app{"", "millrace"};
    CLI::App& topics = *app.add_subcommand("topics", "");
    bool all = false;
    topics.add_subcommand("list", "")->add_flag("-a,--all", all);
    topics.add_subcommand("delete", "");
    for (const std::string& script : {bash_completion(app), zsh_completion(app)}) {
        CHECK(script.contains("['/']='--help -h topics'"));
        CHECK(script.contains("['topics']='--help -h delete list'"));
        CHECK(script.contains("['topics list']='--all --help -a -h'"));
    }
}
