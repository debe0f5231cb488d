// Names of what ACLs are about, for `millrace acls` and kafka-acls alike. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/admin/acls.h"

namespace millrace::cli {

// Kafka's spelling: TOPIC, PREFIXED, DESCRIBE_CONFIGS, ALLOW.
std::string_view name_of(client::AclResourceType type);
std::string_view name_of(client::AclPattern pattern);
std::string_view name_of(client::AclOperation operation);
std::string_view name_of(client::AclPermission permission);

// In any case, with or without hyphens and underscores: DescribeConfigs, describe-configs.
std::optional<client::AclOperation> find_acl_operation(std::string_view text);
std::optional<client::AclResourceType> find_acl_resource_type(std::string_view text);
std::optional<client::AclPattern> find_acl_pattern(std::string_view text);

// What may be granted for a resource of this type.
std::span<const client::AclOperation> operations_of(client::AclResourceType type);

// "type:name". invalid_request in the words of Kafka's tools.
Result<std::string> check_principal(const std::string& text);

}  // namespace millrace::cli
