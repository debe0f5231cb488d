// `millrace completion`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/completion.h"
#include "cli/native.h"

namespace millrace::cli {

void add_completion_command(CLI::App& app, const Native& native) {
    auto shell = std::make_shared<std::string>();
    CLI::App& command =
        *app.add_subcommand("completion", "Print a script that teaches a shell these commands");
    command.add_option("SHELL", *shell, "bash or zsh")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh"}));
    command.footer(
        "\nExamples:\n"
        "  source <(millrace completion bash)\n"
        "  millrace completion zsh > ~/.zfunc/_millrace\n");
    command.callback([&app, native, shell] {
        native.console.print(*shell == "bash" ? bash_completion(app) : zsh_completion(app));
        native.status = kDone;
    });
}

}  // namespace millrace::cli
