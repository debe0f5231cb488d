#include "cli/kafka/argparse.h"

#include <charconv>

#include "base/check.h"

namespace millrace::cli::kafka {
namespace {

std::string both_names(const Flag& flag) {
    return flag.letter.empty() ? fmt::format("--{}", flag.name)
                               : fmt::format("--{}/-{}", flag.name, flag.letter);
}

Error unrecognized(std::string_view word) {
    return fail(ErrorCode::invalid_request, fmt::format("unrecognized arguments: '{}'", word));
}

// Negative numbers are values.
bool is_flag(std::string_view word) {
    return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

// The flag of a word that begins with a hyphen; `value` gets what follows in the same word.
Result<const Flag*> find_flag(std::span<const Flag> flags, std::string_view word,
                              std::optional<std::string>& value) {
    if (!word.starts_with("--")) {
        const std::string_view letter = word.substr(1, 1);
        for (const Flag& flag : flags) {
            if (flag.letter != letter || letter.empty()) continue;
            if (word.size() > 2) value = word.substr(word[2] == '=' ? 3 : 2);
            return &flag;
        }
        return unrecognized(word);
    }
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(2, equals == word.npos ? equals : equals - 2);
    if (equals != word.npos) value = word.substr(equals + 1);
    std::vector<const Flag*> fitting;
    for (const Flag& flag : flags) {
        if (flag.name == name) return &flag;
        if (flag.name.starts_with(name)) fitting.push_back(&flag);
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty()) return unrecognized(word);
    std::string all;
    for (const Flag* flag : fitting)
        all += fmt::format("{}--{}", all.empty() ? "" : ", ", flag->name);
    return fail(ErrorCode::invalid_request,
                fmt::format("ambiguous option: --{} could match {}", name, all));
}

std::optional<int64_t> to_number(std::string_view text) {
    int64_t n = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    const bool whole = error == std::errc{} && stop == text.data() + text.size();
    return whole ? std::optional{n} : std::nullopt;
}

Result<void> check_number(const Flag& flag, std::string_view text) {
    if (flag.number.empty()) return {};
    if (flag.number == "Double") {
        double n = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
        if (error == std::errc{} && stop == text.data() + text.size()) return {};
    }
    const int64_t most = flag.number == "Short"     ? INT16_MAX
                         : flag.number == "Integer" ? INT32_MAX
                                                    : INT64_MAX;
    const auto n = to_number(text);
    if (flag.number != "Double" && n && *n <= most && *n >= -most - 1) return {};
    return fail(ErrorCode::invalid_request,
                fmt::format("argument {}: could not convert '{}' to {} (For input string: \"{}\")",
                            both_names(flag), text, flag.number, text));
}

}  // namespace

Result<FlagValues> FlagValues::parse(std::span<const Flag> flags,
                                     std::span<const std::string> words) {
    FlagValues out;
    std::map<int, const Flag*> chosen;
    for (size_t i = 0; i != words.size(); ++i) {
        if (!words[i].starts_with('-') || words[i].size() == 1) return unrecognized(words[i]);
        std::optional<std::string> value;
        TRY(const Flag* flag, find_flag(flags, words[i], value));
        if (flag->group != 0) {
            const Flag*& other = chosen[flag->group];
            if (other && other != flag)
                return fail(ErrorCode::invalid_request,
                            fmt::format("argument {}: not allowed with argument {}",
                                        both_names(*flag), both_names(*other)));
            other = flag;
        }
        std::vector<std::string>& values = out.values_[std::string{flag->name}];
        if (flag->takes == Flag::Takes::nothing) continue;
        if (!value) {
            if (i + 1 == words.size() || is_flag(words[i + 1]))
                return fail(ErrorCode::invalid_request,
                            fmt::format("argument {}: expected one argument", both_names(*flag)));
            value = words[++i];
        }
        TRY_OK(check_number(*flag, *value));
        // Of a flag that takes one value, the last counts.
        if (flag->takes == Flag::Takes::one) values.clear();
        values.push_back(*std::move(value));
        if (flag->takes == Flag::Takes::several)
            while (i + 1 != words.size() && !is_flag(words[i + 1])) values.push_back(words[++i]);
    }
    for (const Flag& flag : flags)
        if (flag.required && !out.has(flag.name))
            return fail(ErrorCode::invalid_request,
                        fmt::format("argument {} is required", both_names(flag)));
    return out;
}

std::optional<int64_t> FlagValues::number(std::string_view name) const {
    const auto text = value(name);
    if (!text) return std::nullopt;
    const auto n = to_number(*text);
    INVARIANT(n.has_value());
    return n;
}

std::optional<std::string> FlagValues::value(std::string_view name) const {
    const std::vector<std::string>& all = values(name);
    return all.empty() ? std::nullopt : std::optional{all.back()};
}

const std::vector<std::string>& FlagValues::values(std::string_view name) const {
    static const std::vector<std::string> none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

namespace {

std::string usage_text(std::string_view program, std::span<const Flag> before,
                       std::span<const Command> commands) {
    std::string text = fmt::format("usage: {}{} COMMAND [OPTIONS]\n{}", program,
                                   before.empty() ? "" : " [OPTIONS]", flag_table(before));
    for (const Command& command : commands)
        text += fmt::format("  {:<24}{}\n", command.name, command.help);
    return text;
}

bool asks_for_help(std::string_view word) {
    return word == "-h" || word == "--help";
}

// Where the sub-command stands: after flags and their values.
size_t command_at(std::span<const Flag> before, const std::vector<std::string>& words) {
    size_t at = 0;
    while (at < words.size() && words[at].starts_with('-')) {
        std::optional<std::string> value;
        const auto flag = find_flag(before, words[at], value);
        at += flag && (*flag)->takes != Flag::Takes::nothing && !value ? 2 : 1;
    }
    return std::min(at, words.size());
}

}  // namespace

std::optional<ParsedCommand> parse_command(const Console& console, std::string_view program,
                                           std::span<const Flag> before,
                                           std::span<const Command> commands,
                                           const std::vector<std::string>& words, int& status) {
    const auto misused = [&](std::string_view shown, std::string_view why) {
        console.error_line(shown);
        console.error_line(fmt::format("{}: error: {}", program, why));
        status = kFailed;
        return std::nullopt;
    };
    const auto helped = [&](std::string_view shown) {
        console.print(shown);
        status = kDone;
        return std::nullopt;
    };
    const std::string usage = usage_text(program, before, commands);
    const size_t at = command_at(before, words);
    for (size_t i = 0; i != at; ++i)
        if (asks_for_help(words[i])) return helped(usage);
    if (at == words.size()) return misused(usage, "too few arguments");
    const auto command = std::ranges::find(commands, std::string_view{words[at]}, &Command::name);
    if (command == commands.end()) {
        std::vector<std::string_view> names;
        for (const Command& one : commands) names.push_back(one.name);
        return misused(usage, fmt::format("invalid choice: '{}' (choose from {})", words[at],
                                          quoted_list(names)));
    }
    const std::string shown = fmt::format("usage: {} {} [OPTIONS]\n{}", program, command->name,
                                          flag_table(command->flags));
    for (size_t i = at + 1; i < words.size(); ++i)
        if (asks_for_help(words[i])) return helped(shown);
    ParsedCommand out{.command = &*command};
    auto flags = FlagValues::parse(command->flags, std::span{words}.subspan(at + 1));
    if (!flags) return misused(shown, flags.error().message);
    out.flags = *std::move(flags);
    auto global = FlagValues::parse(before, std::span{words}.first(at));
    if (!global) return misused(usage, global.error().message);
    out.before = *std::move(global);
    return out;
}

int flags_misused(const Console& console, std::string_view program, std::span<const Flag> flags,
                  std::string_view why) {
    std::fflush(console.out);
    console.error_line(fmt::format("usage: {} [OPTIONS]\n{}", program, flag_table(flags)));
    console.error_line(fmt::format("{}: error: {}", program, why));
    return kFailed;
}

std::optional<FlagValues> parse_flags(const Console& console, std::string_view program,
                                      std::span<const Flag> flags,
                                      const std::vector<std::string>& words, int& status) {
    if (words.empty() || std::ranges::any_of(words, asks_for_help)) {
        console.print(fmt::format("usage: {} [OPTIONS]\n{}", program, flag_table(flags)));
        status = kDone;
        return std::nullopt;
    }
    auto parsed = FlagValues::parse(flags, words);
    if (parsed) return *std::move(parsed);
    status = flags_misused(console, program, flags, parsed.error().message);
    return std::nullopt;
}

std::string quoted_list(std::span<const std::string_view> names) {
    std::string out;
    for (const std::string_view name : names)
        out += fmt::format("{}'{}'", out.empty() ? "" : ", ", name);
    return out;
}

std::string flag_table(std::span<const Flag> flags) {
    std::vector<std::string> left;
    size_t width = 0;
    for (const Flag& flag : flags) {
        left.push_back(fmt::format("{}{}", both_names(flag),
                                   flag.takes == Flag::Takes::nothing ? "" : " VALUE"));
        width = std::max(width, left.back().size());
    }
    std::string out;
    for (size_t i = 0; i != flags.size(); ++i)
        out += fmt::format("  {:<{}}  {}\n", left[i], width, flags[i].help);
    return out;
}

}  // namespace millrace::cli::kafka
