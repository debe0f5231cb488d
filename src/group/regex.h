// Subscriptions by regular expression (KIP-848): RE2 syntax, matched against whole topic names, in
// time linear in them.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "group/cluster_view.h"

namespace millrace::group {

// ErrorCode::invalid_regular_expression with Kafka's sentence.
Result<void> check_regex(std::string_view regex);
// The topics that match; none for an expression that does not pass check_regex.
std::set<std::string, std::less<>> match_topics(std::string_view regex, const ClusterView& cluster);

}  // namespace millrace::group
