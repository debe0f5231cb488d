#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/Option.hpp>
#include <algorithm>
#include <vector>

namespace millrace::cli {
namespace {

// What may follow a command: the commands below it and its options.
struct Level {
    std::string path;  // "topics list"; "" of the program itself
    std::vector<std::string> words;
};

void collect(const CLI::App& app, const std::string& path, std::vector<Level>& out) {
    Level level{path, {}};
    const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* command : commands) level.words.push_back(command->get_name());
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) level.words.push_back("--" + name);
        for (const std::string& name : option->get_snames()) level.words.push_back("-" + name);
    }
    std::ranges::sort(level.words);
    out.push_back(std::move(level));
    for (const CLI::App* command : commands)
        collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(),
                out);
}

// An associative array from paths to words; both shells write it in the same way. Names are of
// letters, digits and hyphens: nothing needs a quote.
std::string table(const CLI::App& app) {
    std::vector<Level> levels;
    collect(app, "", levels);
    std::string out;
    for (const Level& level : levels)
        out += fmt::format("    ['{}']='{}'\n", level.path.empty() ? "/" : level.path,
                           fmt::join(level.words, " "));
    return out;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
    return fmt::format(R"(# bash completion of millrace: source <(millrace completion bash)
declare -A _millrace_words=(
{})
_millrace() {{
    local path=/ next word i
    for ((i = 1; i < COMP_CWORD; ++i)); do
        word=${{COMP_WORDS[i]}}
        next="${{path#/}}"
        next="${{next:+$next }}$word"
        [[ -n $word && -n ${{_millrace_words[$next]+x}} ]] && path=$next
    done
    local current=${{COMP_WORDS[COMP_CWORD]}}
    COMPREPLY=($(compgen -W "${{_millrace_words[$path]}}" -- "$current"))
    if [[ $current != -* && ${{#COMPREPLY[@]}} -eq 0 ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _millrace millrace
)",
                       table(app));
}

std::string zsh_completion(const CLI::App& app) {
    return fmt::format(R"(#compdef millrace
# zsh completion of millrace: keep as _millrace in a folder of $fpath
typeset -gA _millrace_words=(
{})
_millrace() {{
    local where=/ next word
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        next="${{where#/}}"
        next="${{next:+$next }}$word"
        [[ -n $word && -n ${{_millrace_words[$next]}} ]] && where=$next
    done
    local -a candidates=(${{=_millrace_words[$where]}})
    [[ $PREFIX == -* ]] || candidates=(${{candidates:#-*}})
    compadd -a candidates || _files
}}
[[ ${{funcstack[1]}} == _millrace ]] && _millrace "$@" || compdef _millrace millrace
)",
                       table(app));
}

}  // namespace millrace::cli
