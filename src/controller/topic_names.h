// Which names a topic may have. Kafka: org.apache.kafka.common.internals.Topic.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::controller {

constexpr size_t kTopicNameMax = 249;
constexpr std::string_view kMetadataTopic = "__cluster_metadata";

// 1 to 249 of [a-zA-Z0-9._-], and not "." or "..". Error: invalid_topic_exception.
Result<void> check_topic_name(std::string_view name);

}  // namespace millrace::controller
