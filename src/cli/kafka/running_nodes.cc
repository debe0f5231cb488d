#include "cli/kafka/running_nodes.h"

#include "config/properties.h"
#include "config/text.h"

namespace millrace::cli::kafka {
namespace {

std::string_view base_name(std::string_view path) {
    return path.substr(path.find_last_of('/') + 1);
}

void set_pair(std::map<std::string, std::string>& out, std::string_view pair) {
    const size_t equals = pair.find('=');
    if (equals != pair.npos)
        out[std::string{pair.substr(0, equals)}] = std::string{pair.substr(equals + 1)};
}

struct CommandLine {
    std::string file;
    std::vector<std::string> pairs;
};

// Of `millrace serve --config FILE --set k=v` or `kafka-server-start.sh FILE --override k=v`.
std::optional<CommandLine> read_command_line(const runtime::Process& process) {
    if (base_name(process.program) != "millrace" || process.args.empty()) return std::nullopt;
    const bool start = base_name(process.args[0]).starts_with("kafka-server-start");
    if (!start && (process.args.size() < 2 || process.args[1] != "serve")) return std::nullopt;
    CommandLine out;
    for (size_t i = start ? 1 : 2; i < process.args.size(); ++i) {
        const std::string& word = process.args[i];
        const bool more = i + 1 < process.args.size();
        if ((word == "--set" || word == "--override") && more)
            out.pairs.push_back(process.args[++i]);
        else if (word.starts_with("--set="))
            out.pairs.push_back(word.substr(6));
        else if (word == "--config" && more)
            out.file = process.args[++i];
        else if (word.starts_with("--config="))
            out.file = word.substr(9);
        else if (start && !word.starts_with("-") && out.file.empty())
            out.file = word;
    }
    return out;
}

}  // namespace

std::optional<std::map<std::string, std::string>> node_properties(
    const runtime::Process& process,
    const std::function<Result<std::string>(const std::string&)>& read_file) {
    const auto line = read_command_line(process);
    if (!line) return std::nullopt;
    std::map<std::string, std::string> out;
    if (!line->file.empty()) {
        const auto text = read_file(line->file);
        const auto parsed = text ? config::parse_properties(*text)
                                 : Result<std::vector<config::Property>>{text.error()};
        if (parsed)
            for (const config::Property& property : *parsed) out[property.name] = property.value;
    }
    for (const std::string& pair : line->pairs) set_pair(out, pair);
    return out;
}

bool fits(const std::map<std::string, std::string>& properties, const NodeFilter& filter) {
    const auto value = [&](const char* name) {
        const auto found = properties.find(name);
        return found == properties.end() ? std::string{} : found->second;
    };
    if (filter.node_id && value("node.id") != *filter.node_id) return false;
    if (!filter.role) return true;
    const std::string roles = value("process.roles");
    for (std::string_view rest = roles;;) {
        const size_t comma = rest.find(',');
        if (config::trim(rest.substr(0, comma)) == *filter.role) return true;
        if (comma == rest.npos) return false;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace millrace::cli::kafka
