#include "controller/topic_names.h"

#include <algorithm>

#include <fmt/format.h>

namespace millrace::controller {

Result<void> check_topic_name(std::string_view name) {
    auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    std::string why;
    if (name.empty()) {
        why = "a topic name cannot be empty";
    } else if (name == "." || name == "..") {
        why = "a topic cannot be named '.' or '..'";
    } else if (name.size() > kTopicNameMax) {
        why = fmt::format("a topic name of {} characters; at most {} are allowed", name.size(),
                          kTopicNameMax);
    } else if (!std::ranges::all_of(name, legal)) {
        why = fmt::format(
            "Topic name is invalid: '{}' has characters other than ASCII letters and digits, '.', "
            "'_' and '-'",
            name);
    } else {
        return {};
    }
    return fail(ErrorCode::invalid_topic_exception, std::move(why));
}

}  // namespace millrace::controller
