#include "group/regex.h"

#include <re2/re2.h>

namespace millrace::group {
namespace {

re2::StringPiece piece(std::string_view s) {
    return {s.data(), s.size()};
}

RE2::Options options() {
    RE2::Options out;
    out.set_log_errors(false);
    return out;
}

std::string_view what(RE2::ErrorCode code) {
    switch (code) {
        case RE2::ErrorBadEscape:
            return "invalid escape sequence";
        case RE2::ErrorBadCharClass:
            return "invalid character class";
        case RE2::ErrorBadCharRange:
            return "invalid character class range";
        case RE2::ErrorMissingBracket:
            return "missing closing ]";
        case RE2::ErrorMissingParen:
            return "missing closing )";
        case RE2::ErrorUnexpectedParen:
            return "unexpected )";
        case RE2::ErrorTrailingBackslash:
            return "trailing backslash at end of expression";
        case RE2::ErrorRepeatArgument:
            return "missing argument to repetition operator";
        case RE2::ErrorRepeatSize:
            return "invalid repeat count";
        case RE2::ErrorRepeatOp:
            return "invalid nested repetition operator";
        case RE2::ErrorBadPerlOp:
            return "invalid or unsupported Perl syntax";
        case RE2::ErrorBadUTF8:
            return "invalid UTF-8";
        case RE2::ErrorBadNamedCapture:
            return "invalid named capture";
        default:
            return "expression too large";
    }
}

}  // namespace

Result<void> check_regex(std::string_view regex) {
    RE2 compiled{piece(regex), options()};
    if (compiled.ok()) return {};
    return fail(ErrorCode::invalid_regular_expression,
                fmt::format("SubscribedTopicRegex `{}` is no regular expression of RE2: {}", regex,
                            what(compiled.error_code())));
}

std::set<std::string, std::less<>> match_topics(std::string_view regex,
                                                const ClusterView& cluster) {
    std::set<std::string, std::less<>> topics;
    RE2 compiled{piece(regex), options()};
    if (!compiled.ok()) return topics;
    cluster.each_topic([&](std::string_view name) {
        if (RE2::FullMatch(piece(name), compiled)) topics.emplace(name);
    });
    return topics;
}

}  // namespace millrace::group
