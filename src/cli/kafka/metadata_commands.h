// What kafka-metadata-shell does with a command: cat, find, ls, tree, and where a person types also
// cd, exit, help, history, man, pwd. Pure: it writes to a string.
// Kafka: the classes of org.apache.kafka.shell.command.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/kafka/metadata_nodes.h"

namespace millrace::cli::kafka {

class MetadataCommands {
public:
    // Lines that `history` remembers.
    static constexpr size_t kLinesMax = 500;

    // interactive: the commands of a session are there too.
    MetadataCommands(MetadataNodePtr root, bool interactive)
        : root_(std::move(root)), interactive_(interactive) {}

    // Does what a line says, and remembers it. What it shows, complaints included.
    std::string run_line(std::string_view line);
    std::string run(const std::vector<std::string>& words);
    // `exit` was said.
    bool ended() const { return ended_; }

private:
    struct Found {
        const MetadataNode* node = nullptr;  // null: there is no such thing
        std::vector<std::string> path;
    };
    std::vector<Found> find_all(const std::string& target) const;
    void visit(const MetadataNode& node, const std::vector<std::string>& parts, size_t depth,
               std::vector<std::string>& path, std::vector<Found>& out) const;

    void cat(const std::vector<std::string>& targets);
    void cd(const std::vector<std::string>& targets);
    void find(const std::vector<std::string>& targets);
    void list_below(const std::string& path, const MetadataNode& node);
    void history(const std::vector<std::string>& targets);
    void ls(const std::vector<std::string>& targets);
    void man(const std::vector<std::string>& targets);
    void tree(const std::vector<std::string>& targets);
    void print_tree(const MetadataNode& node, size_t indent);
    void help(const std::vector<std::string>& targets);
    void say(std::string_view line);
    void remember(std::string_view line);
    struct Command;
    static const Command kCommands[10];
    bool serves(const Command& command) const;

    MetadataNodePtr root_;
    bool interactive_;
    bool ended_ = false;
    std::string directory_ = "/";
    std::vector<std::string> lines_;
    size_t forgotten_ = 0;  // lines before those
    std::string out_;
};

}  // namespace millrace::cli::kafka
