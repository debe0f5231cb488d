// Paths and patterns as the metadata shell takes them. Pure.
// Kafka: GlobComponent, CommandUtils, and the words of the line reader that its shell uses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli::kafka {

// One part of a path: '*' any run of characters, '?' one, "{a,b}" either, '\' takes what follows
// as it is. Without any of these, and where groups are nested or left open, it stands for itself.
class PathGlob {
public:
    explicit PathGlob(std::string_view text);
    bool is_pattern() const { return pattern_; }
    bool matches(std::string_view name) const;

private:
    std::string text_;
    bool pattern_ = false;
};

// The parts of a path between slashes, with "." and ".." resolved; above the root is the root.
std::vector<std::string> path_parts(std::string_view path);

// The words of a line: blanks separate, quotes of either kind and '\' keep what is in or behind
// them; a quote that stays open ends with the line.
std::vector<std::string> line_words(std::string_view line);

}  // namespace millrace::cli::kafka
