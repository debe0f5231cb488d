#include "cli/kafka/joptsimple.h"

#include <charconv>

namespace millrace::cli::kafka {
namespace {

const Option* find(std::span<const Option> options, std::string_view name) {
    const auto found = std::ranges::find(options, name, &Option::name);
    return found == options.end() ? nullptr : &*found;
}

bool looks_like_option(std::string_view word) {
    return word.size() > 1 && word[0] == '-' && word != "--";
}

template <typename N>
Result<std::optional<N>> to_number(std::string_view name,
                                   const Result<std::optional<std::string>>& given) {
    if (!given) return given.error();
    if (!*given) return std::optional<N>{};
    const std::string& text = **given;
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    N n{};
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), n);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return fail(ErrorCode::invalid_request,
                    fmt::format("Cannot parse argument '{}' of option {}", text, name));
    return std::optional<N>{n};
}

}  // namespace

Result<Arguments> Arguments::parse(std::span<const Option> options,
                                   const std::vector<std::string>& words) {
    Arguments out;
    for (size_t i = 0; i != words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "--") {
            out.rest_.insert(out.rest_.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1,
                             words.end());
            break;
        }
        if (!looks_like_option(word)) {
            out.rest_.emplace_back(word);
            continue;
        }
        const std::string_view body = word.substr(word.starts_with("--") ? 2 : 1);
        const size_t equals = body.find('=');
        const std::string_view name = body.substr(0, equals);
        const Option* option = find(options, name);
        if (!option) {
            // After a single hyphen each letter counts for itself, and the first is not known.
            const std::string_view said = word.starts_with("--") ? name : name.substr(0, 1);
            return fail(ErrorCode::invalid_request,
                        fmt::format("{} is not a recognized option", said));
        }
        std::vector<std::string>& values = out.values_[std::string{name}];
        if (option->takes == Takes::nothing) {
            if (equals != std::string_view::npos && equals + 1 != body.size())
                return fail(ErrorCode::invalid_request,
                            fmt::format("Option {} does not take an argument", name));
        } else if (equals != std::string_view::npos) {
            values.emplace_back(body.substr(equals + 1));
        } else if (option->takes == Takes::value) {
            if (i + 1 == words.size())
                return fail(ErrorCode::invalid_request,
                            fmt::format("Option {} requires an argument", name));
            values.push_back(words[++i]);
        } else if (i + 1 != words.size() && !looks_like_option(words[i + 1])) {
            values.push_back(words[++i]);
        }
        out.said_.emplace_back(name, values.empty() ? std::string{} : values.back());
    }
    return out;
}

const std::vector<std::string>& Arguments::values(std::string_view name) const {
    static const std::vector<std::string> none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

Result<std::optional<std::string>> Arguments::value(std::string_view name) const {
    const std::vector<std::string>& all = values(name);
    if (all.empty()) return std::optional<std::string>{};
    if (all.size() > 1)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Found multiple arguments for option {}, but you asked for only "
                                "one",
                                name));
    return std::optional{all.front()};
}

Result<std::optional<int32_t>> Arguments::number(std::string_view name) const {
    return to_number<int32_t>(name, value(name));
}

Result<std::optional<int64_t>> Arguments::long_number(std::string_view name) const {
    return to_number<int64_t>(name, value(name));
}

std::string option_table(std::span<const Option> options) {
    std::vector<std::pair<std::string, std::string_view>> rows;
    size_t width = 0;
    for (const Option& option : options) {
        std::string left = fmt::format("--{}", option.name);
        if (option.takes == Takes::value) left += fmt::format(" <{}>", option.shows);
        if (option.takes == Takes::maybe_value) left += fmt::format(" [{}]", option.shows);
        width = std::max(width, left.size());
        rows.emplace_back(std::move(left), option.help);
    }
    std::string out;
    for (const auto& [left, help] : rows) out += fmt::format("  {:<{}}  {}\n", left, width, help);
    return out;
}

}  // namespace millrace::cli::kafka
