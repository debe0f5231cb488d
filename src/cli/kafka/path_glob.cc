#include "cli/kafka/path_glob.h"

#include <algorithm>

namespace millrace::cli::kafka {
namespace {

enum class Kind : uint8_t { plain, pattern, broken };

Kind kind_of(std::string_view text) {
    Kind kind = Kind::plain;
    bool group = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\') {
            ++i;
        } else if (c == '*' || c == '?') {
            kind = Kind::pattern;
        } else if (c == '{') {
            if (group) return Kind::broken;
            group = true;
        } else if (c == '}' && group) {
            group = false;
            kind = Kind::pattern;
        }
    }
    return group ? Kind::broken : kind;
}

// Where the character that begins at `at` ends.
size_t after_character(std::string_view text, size_t at) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    return at;
}

bool match(std::string_view glob, std::string_view text);

// Of a glob that begins with a group.
bool match_group(std::string_view glob, std::string_view text) {
    std::vector<std::string> choices(1);
    size_t at = 1;
    for (; at < glob.size() && glob[at] != '}'; ++at) {
        if (glob[at] == ',') {
            choices.emplace_back();
            continue;
        }
        if (glob[at] == '\\') choices.back() += glob[at++];
        choices.back() += glob[at];
    }
    const std::string_view rest = glob.substr(at + 1);
    return std::ranges::any_of(choices, [&](std::string choice) {
        choice += rest;
        return match(choice, text);
    });
}

bool match(std::string_view glob, std::string_view text) {
    while (!glob.empty()) {
        const char c = glob[0];
        if (c == '{') return match_group(glob, text);
        if (c == '*') {
            for (size_t at = 0; at <= text.size(); ++at)
                if (match(glob.substr(1), text.substr(at))) return true;
            return false;
        }
        if (text.empty()) return false;
        if (c == '?') {
            text.remove_prefix(after_character(text, 0));
            glob.remove_prefix(1);
            continue;
        }
        if (c == '\\' && glob.size() > 1) glob.remove_prefix(1);
        if (glob[0] != text[0]) return false;
        glob.remove_prefix(1);
        text.remove_prefix(1);
    }
    return text.empty();
}

}  // namespace

PathGlob::PathGlob(std::string_view text) : text_(text), pattern_(kind_of(text) == Kind::pattern) {}

bool PathGlob::matches(std::string_view name) const {
    return pattern_ ? match(text_, name) : text_ == name;
}

std::vector<std::string> path_parts(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (part == "..") {
            if (!out.empty()) out.pop_back();
        } else if (!part.empty() && part != ".") {
            out.emplace_back(part);
        }
    }
    return out;
}

std::vector<std::string> line_words(std::string_view line) {
    std::vector<std::string> out;
    std::string word;
    bool begun = false;
    char quote = 0;
    const auto end = [&] {
        if (begun) out.push_back(std::move(word));
        word.clear();
        begun = false;
    };
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && i + 1 < line.size()) {
            word += line[++i];
            begun = true;
        } else if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            begun = true;
        } else if (c == ' ' || c == '\t') {
            end();
        } else {
            word += c;
            begun = true;
        }
    }
    end();
    return out;
}

}  // namespace millrace::cli::kafka
