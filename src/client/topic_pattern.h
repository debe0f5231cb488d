// A regular expression over whole topic names, in RE2's syntax: what the brokers use for the
// consumer protocol. (Java's client uses Java's syntax with the classic one.)
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace millrace::client {

class TopicPattern {
public:
    // invalid_regular_expression.
    static Result<TopicPattern> parse(std::string text);
    bool matches(std::string_view topic) const;
    const std::string& text() const { return text_; }

private:
    TopicPattern(std::string text, std::shared_ptr<const re2::RE2> compiled)
        : text_(std::move(text)), compiled_(std::move(compiled)) {}

    std::string text_;
    std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace millrace::client
