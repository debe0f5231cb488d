// What the commands about configurations do, for `millrace configs` and kafka-configs alike.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

// "a=b,c=[d,e]" as changes that set; invalid_request.
Result<std::vector<client::ConfigChange>> parse_settings(std::string_view text);

// DescribeConfigs' name of where a value is from: DYNAMIC_TOPIC_CONFIG ...
std::string_view config_source_name(int8_t source);
// The source of what is set for a resource of this type itself.
int8_t own_source(client::ResourceType type, bool is_default);

// The names of what there is of a type: topics, brokers, groups ...
Result<std::vector<std::string>> resource_names(Session& session, client::ResourceType type);

}  // namespace millrace::cli
