#include "cli/kafka/group_arguments.h"

#include "cli/kafka/exceptions.h"

namespace millrace::cli::kafka {
namespace {

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

}  // namespace

std::string capitalized(std::string_view word) {
    std::string out{word};
    for (size_t i = 0; i != out.size(); ++i)
        if (i == 0 && out[i] >= 'a' && out[i] <= 'z')
            out[i] = static_cast<char>(out[i] - 'a' + 'A');
        else if (i != 0 && out[i] >= 'A' && out[i] <= 'Z')
            out[i] = static_cast<char>(out[i] - 'A' + 'a');
    return out;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t comma = text.find(',');
        std::string_view one = text.substr(0, comma);
        while (one.starts_with(' ')) one.remove_prefix(1);
        out.emplace_back(one);
        text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    }
    return out;
}

Result<std::vector<std::string>> read_choice(const Arguments& arguments, std::string_view option,
                                             std::span<const std::string_view> known) {
    std::vector<std::string> out;
    TRY(const auto text, arguments.value(option));
    for (const std::string& word : split(text.value_or(""))) {
        const auto at = std::ranges::find_if(
            known, [&](std::string_view name) { return capitalized(name) == capitalized(word); });
        if (at == known.end())
            return refused(fmt::format(
                "Invalid {} list '{}'. Valid {} are: {}", option == "state" ? "state" : "types",
                *text, option == "state" ? "states" : "types", fmt::join(known, ", ")));
        out.emplace_back(*at);
    }
    return out;
}

Result<std::vector<TopicPartition>> partitions_meant(Session& session,
                                                     const std::vector<std::string>& topics) {
    std::vector<TopicPartition> out;
    for (const std::string& text : topics) {
        const size_t colon = text.find(':');
        const std::string topic = text.substr(0, colon);
        if (colon != text.npos) {
            for (const std::string& word : split(std::string_view{text}.substr(colon + 1))) {
                if (word.empty() || word.find_first_not_of("0123456789") != word.npos ||
                    word.size() > 9)
                    return refused(fmt::format("Invalid partition in {}", text));
                out.push_back({topic, std::stoi(word)});
            }
            continue;
        }
        TRY(const auto described, session.wait(session.admin().describe_topics({topic})));
        if (described[0].error.code != ErrorCode::none)
            return fail(described[0].error.code, java_sentence(described[0].error));
        for (const auto& p : described[0].partitions) out.push_back({topic, p.index});
    }
    return out;
}

bool is_streams_internal(std::string_view topic, std::string_view application) {
    if (!topic.starts_with(application) || !topic.substr(application.size()).starts_with("-"))
        return false;
    for (const std::string_view end : {"-changelog", "-repartition"})
        if (topic.ends_with(end)) return true;
    return topic.find("-subscription-re") != topic.npos && topic.ends_with("-topic");
}

}  // namespace millrace::cli::kafka
