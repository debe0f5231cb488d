#include "cli/cluster/acls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::cli {
namespace {

using client::AclOperation;
using client::AclPattern;
using client::AclPermission;
using client::AclResourceType;

// By the protocol's number.
constexpr auto kTypes =
    std::to_array<std::string_view>({"UNKNOWN", "ANY", "TOPIC", "GROUP", "CLUSTER",
                                     "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER"});
constexpr auto kPatterns =
    std::to_array<std::string_view>({"UNKNOWN", "ANY", "MATCH", "LITERAL", "PREFIXED"});
constexpr auto kOperations = std::to_array<std::string_view>(
    {"UNKNOWN", "ANY", "ALL", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE",
     "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "CREATE_TOKENS",
     "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT"});
constexpr auto kPermissions = std::to_array<std::string_view>({"UNKNOWN", "ANY", "DENY", "ALLOW"});

template <typename E>
std::string_view at(std::span<const std::string_view> names, E value) {
    const auto number = static_cast<size_t>(value);
    return number < names.size() ? names[number] : names[0];
}

std::string bare(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c != '_' && c != '-')
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

// Not UNKNOWN, which nobody means.
template <typename E>
std::optional<E> find(std::span<const std::string_view> names, std::string_view text) {
    for (size_t i = 1; i != names.size(); ++i)
        if (bare(names[i]) == bare(text)) return static_cast<E>(i);
    return std::nullopt;
}

}  // namespace

std::string_view name_of(AclResourceType type) {
    return at(kTypes, type);
}
std::string_view name_of(AclPattern pattern) {
    return at(kPatterns, pattern);
}
std::string_view name_of(AclOperation operation) {
    return at(kOperations, operation);
}
std::string_view name_of(AclPermission permission) {
    return at(kPermissions, permission);
}

std::optional<AclOperation> find_acl_operation(std::string_view text) {
    return find<AclOperation>(kOperations, text);
}
std::optional<AclResourceType> find_acl_resource_type(std::string_view text) {
    return find<AclResourceType>(kTypes, text);
}
std::optional<AclPattern> find_acl_pattern(std::string_view text) {
    return find<AclPattern>(kPatterns, text);
}

std::span<const AclOperation> operations_of(AclResourceType type) {
    using enum AclOperation;
    static constexpr AclOperation kTopic[] = {
        read, remove, all, write, describe, alter, create, alter_configs, describe_configs};
    static constexpr AclOperation kGroup[] = {read,     remove,        all,
                                              describe, alter_configs, describe_configs};
    static constexpr AclOperation kCluster[] = {all,           idempotent_write, describe,
                                                alter,         create,           cluster_action,
                                                alter_configs, describe_configs};
    static constexpr AclOperation kTransaction[] = {all, write, describe, two_phase_commit};
    static constexpr AclOperation kToken[] = {all, describe};
    static constexpr AclOperation kUser[] = {create_tokens, all, describe_tokens};
    switch (type) {
        case AclResourceType::topic:
            return kTopic;
        case AclResourceType::group:
            return kGroup;
        case AclResourceType::cluster:
            return kCluster;
        case AclResourceType::transactional_id:
            return kTransaction;
        case AclResourceType::delegation_token:
            return kToken;
        case AclResourceType::user:
            return kUser;
        case AclResourceType::any:
            break;
    }
    return {};
}

Result<std::string> check_principal(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == 0 || colon == text.npos || colon + 1 == text.size())
        return fail(
            ErrorCode::invalid_request,
            fmt::format("expected a string in format principalType:principalName but got {}",
                        text));
    return text;
}

}  // namespace millrace::cli
