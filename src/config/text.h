// config/text.h: small text helpers that the readers of this room share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

// Without leading and trailing characters up to the space, as Java's String.trim.
std::string_view trim(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII
std::string to_lower(std::string_view text);                       // ASCII
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Java's Duration.parse: [+-]P[nD][T[nH][nM][n.nS]], letters in any case, each number with its own
// sign. Milliseconds, rounded towards minus infinity; nullopt when it is not one, or beyond what
// int64 holds.
std::optional<int64_t> parse_iso_duration(std::string_view text);

}  // namespace millrace::config
