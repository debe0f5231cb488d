#include "cli/kafka/metadata_commands.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/ranges.h>

#include "cli/kafka/path_glob.h"

namespace millrace::cli::kafka {

struct MetadataCommands::Command {
    std::string_view name;
    size_t words_min;
    size_t words_max;
    std::string_view usage;
    std::string_view help;
    bool always;  // not only in a session
    void (*run)(MetadataCommands& shell, const std::vector<std::string>& words);
};

namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

// A word that the library takes for an option: numbers and a lone hyphen are none.
bool is_option(std::string_view word) {
    return word.size() > 1 && word[0] == '-' &&
           !std::all_of(word.begin() + 1, word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string join_path(const std::vector<std::string>& parts) {
    return fmt::format("/{}", fmt::join(parts, "/"));
}

std::string below(const std::string& path, std::string_view name) {
    return path == "/" ? fmt::format("/{}", name) : fmt::format("{}/{}", path, name);
}

}  // namespace

const MetadataCommands::Command MetadataCommands::kCommands[10] = {
    {"cat", 1, kAny, "targets [targets ...]", "Show what is in files.", true,
     [](auto& shell, auto& words) { shell.cat(words); }},
    {"cd", 0, 1, "[target]", "Go to a directory; without one to /.", false,
     [](auto& shell, auto& words) { shell.cd(words); }},
    {"exit", 0, 0, "", "Leave.", false, [](auto& shell, auto&) { shell.ended_ = true; }},
    {"find", 0, kAny, "[paths [paths ...]]", "Show all paths from here, or from paths, on.", true,
     [](auto& shell, auto& words) { shell.find(words); }},
    {"help", 0, 0, "", "Show this.", false, [](auto& shell, auto& words) { shell.help(words); }},
    {"history", 0, 1, "[numEntriesToShow]", "Show the lines typed, or the last of them.", false,
     [](auto& shell, auto& words) { shell.history(words); }},
    {"ls", 0, kAny, "[targets [targets ...]]", "Show the names in directories.", true,
     [](auto& shell, auto& words) { shell.ls(words); }},
    {"man", 1, 1, "cmd", "Show the help of a command.", false,
     [](auto& shell, auto& words) { shell.man(words); }},
    {"pwd", 0, 0, "", "Show where this is.", false,
     [](auto& shell, auto&) { shell.say(shell.directory_); }},
    {"tree", 1, kAny, "targets [targets ...]", "Show directories with all that is in them.", true,
     [](auto& shell, auto& words) { shell.tree(words); }},
};

bool MetadataCommands::serves(const Command& command) const {
    return interactive_ || command.always;
}

void MetadataCommands::say(std::string_view line) {
    out_ += line;
    out_ += '\n';
}

void MetadataCommands::remember(std::string_view line) {
    if (line.empty() || line[0] == ' ') return;
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (!lines_.empty() && lines_.back() == line) return;
    lines_.emplace_back(line);
    if (lines_.size() <= kLinesMax) return;
    lines_.erase(lines_.begin());
    ++forgotten_;
}

std::string MetadataCommands::run_line(std::string_view line) {
    remember(line);
    return run(line_words(line));
}

std::string MetadataCommands::run(const std::vector<std::string>& words) {
    out_.clear();
    std::vector<std::string> said = words;
    while (!said.empty() && said.back().empty()) said.pop_back();
    if (said.empty()) return {};
    const auto* const command = std::ranges::find_if(
        kCommands, [&](const Command& c) { return c.name == said[0] && serves(c); });
    if (command == std::end(kCommands)) {
        std::vector<std::string> names;
        for (const Command& c : kCommands)
            if (serves(c)) names.push_back(fmt::format("'{}'", c.name));
        say(fmt::format("invalid choice: '{}' (choose from {})", said[0], fmt::join(names, ", ")));
        return std::move(out_);
    }
    std::vector<std::string> operands;
    bool options = true;
    for (size_t i = 1; i < said.size(); ++i) {
        if (options && said[i] == "--") {
            options = false;
        } else if (options && (said[i] == "-h" || said[i] == "--help")) {
            man({std::string{command->name}});
            return std::move(out_);
        } else if ((options && is_option(said[i])) || operands.size() == command->words_max) {
            say(fmt::format("unrecognized arguments: '{}'", said[i]));
            return std::move(out_);
        } else {
            operands.push_back(said[i]);
        }
    }
    if (operands.size() < command->words_min)
        say("too few arguments");
    else
        command->run(*this, operands);
    return std::move(out_);
}

std::vector<MetadataCommands::Found> MetadataCommands::find_all(const std::string& target) const {
    const auto parts =
        path_parts(target.starts_with('/') ? target : fmt::format("{}/{}", directory_, target));
    std::vector<Found> out;
    std::vector<std::string> path;
    visit(*root_, parts, 0, path, out);
    if (out.empty()) out.emplace_back();
    return out;
}

void MetadataCommands::visit(const MetadataNode& node, const std::vector<std::string>& parts,
                             size_t depth, std::vector<std::string>& path,
                             std::vector<Found>& out) const {
    if (depth == parts.size()) {
        out.push_back({&node, path});
        return;
    }
    const auto enter = [&](const std::string& name, const MetadataNode& child) {
        path.push_back(name);
        visit(child, parts, depth + 1, path, out);
        path.pop_back();
    };
    const PathGlob glob(parts[depth]);
    if (!glob.is_pattern()) {
        if (const MetadataNode* child = node.child(parts[depth])) enter(parts[depth], *child);
        return;
    }
    for (const auto& [name, child] : node.children)
        if (glob.matches(name)) enter(name, *child);
}

void MetadataCommands::cat(const std::vector<std::string>& targets) {
    for (const std::string& target : targets)
        for (const Found& found : find_all(target)) {
            if (found.node == nullptr)
                say(fmt::format("cat: {}: No such file or directory.", target));
            else if (found.node->is_directory())
                say(fmt::format("cat: {}: Is a directory", target));
            else
                say(found.node->text());
        }
}

void MetadataCommands::cd(const std::vector<std::string>& targets) {
    if (targets.empty()) directory_ = "/";
    for (const std::string& target : targets)
        for (const Found& found : find_all(target)) {
            if (found.node == nullptr)
                say(fmt::format("cd: {}: no such directory.", target));
            else if (!found.node->is_directory())
                say(fmt::format("cd: {}: not a directory.", target));
            else
                directory_ = join_path(found.path);
        }
}

void MetadataCommands::find(const std::vector<std::string>& targets) {
    for (const std::string& target : targets.empty() ? std::vector<std::string>{"."} : targets)
        for (const Found& found : find_all(target)) {
            if (found.node == nullptr)
                say(fmt::format("find: {}: no such file or directory.", target));
            else
                list_below(target, *found.node);
        }
}

void MetadataCommands::list_below(const std::string& path, const MetadataNode& node) {
    say(path);
    for (const std::string& name : node.names()) {
        const std::string child_path = below(path, name);
        if (const MetadataNode* child = node.child(name))
            list_below(child_path, *child);
        else
            say(child_path);
    }
}

void MetadataCommands::history(const std::vector<std::string>& targets) {
    int32_t count = std::numeric_limits<int32_t>::max();
    if (!targets.empty()) {
        const std::string& text = targets[0];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (error != std::errc{} || end != text.data() + text.size())
            return say(
                fmt::format("argument numEntriesToShow: could not convert '{0}' to Integer "
                            "(For input string: \"{0}\")",
                            text));
    }
    const size_t shown = std::min(lines_.size(), static_cast<size_t>(std::max(count, 0)));
    for (size_t i = lines_.size() - shown; i != lines_.size(); ++i)
        say(fmt::format("{:5}  {}", forgotten_ + i, lines_[i]));
}

void MetadataCommands::ls(const std::vector<std::string>& targets) {
    std::vector<std::string> files;
    std::vector<std::pair<std::string, const MetadataNode*>> directories;
    for (const std::string& target : targets.empty() ? std::vector<std::string>{"."} : targets)
        for (const Found& found : find_all(target)) {
            const std::string name = found.path.empty() ? "/" : found.path.back();
            if (found.node == nullptr)
                say(fmt::format("ls: {}: no such file or directory.", target));
            else if (found.node->is_directory())
                directories.emplace_back(name, found.node);
            else
                files.push_back(name);
        }
    for (const std::string& name : files) say(name);
    bool gap = !files.empty();
    const bool titles = directories.size() > 1 || !files.empty();
    for (const auto& [name, node] : directories) {
        const std::vector<std::string> names = node->names();
        if (names.empty()) continue;
        if (gap) say("");
        gap = true;
        if (titles) say(fmt::format("{}:", name));
        for (const std::string& child : names) say(child);
    }
}

void MetadataCommands::man(const std::vector<std::string>& targets) {
    for (const Command& c : kCommands)
        if (c.name == targets[0]) {
            say(fmt::format("{}: {}\n", c.name, c.help));
            return say(fmt::format("usage: {}{}{}", c.name, c.usage.empty() ? "" : " ", c.usage));
        }
    say(fmt::format("man: unknown command {}. Type help to get a list of commands.", targets[0]));
}

void MetadataCommands::help(const std::vector<std::string>&) {
    say("The metadata of a cluster as files: image is what its log says, local is about this "
        "shell.\n");
    for (const Command& c : kCommands) say(fmt::format("  {:8} {:24} {}", c.name, c.usage, c.help));
}

void MetadataCommands::tree(const std::vector<std::string>& targets) {
    for (const std::string& target : targets)
        for (const Found& found : find_all(target)) {
            if (found.node == nullptr)
                say(fmt::format("tree: {}: No such file or directory.", target));
            else
                print_tree(*found.node, 0);
        }
}

void MetadataCommands::print_tree(const MetadataNode& node, size_t indent) {
    if (!node.is_directory()) return say(fmt::format("{:{}}{}", "", indent, node.text()));
    for (const std::string& name : node.names()) {
        say(fmt::format("{:{}}{}:", "", indent, name));
        if (const MetadataNode* child = node.child(name)) print_tree(*child, indent + 2);
    }
}

}  // namespace millrace::cli::kafka
