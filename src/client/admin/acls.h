// Who may do what. The numbers of the enumerations are the protocol's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/admin/outcome.h"

namespace millrace::client {

enum class AclResourceType : int8_t {
    any = 1,
    topic = 2,
    group = 3,
    cluster = 4,
    transactional_id = 5,
    delegation_token = 6,
    user = 7,
};
enum class AclPattern : int8_t {
    any = 1,
    match = 2,  // whatever applies to a name: the name itself, prefixes of it, "*"
    literal = 3,
    prefixed = 4,
};
enum class AclOperation : int8_t {
    any = 1,
    all = 2,
    read = 3,
    write = 4,
    create = 5,
    remove = 6,
    alter = 7,
    describe = 8,
    cluster_action = 9,
    describe_configs = 10,
    alter_configs = 11,
    idempotent_write = 12,
    create_tokens = 13,
    describe_tokens = 14,
    two_phase_commit = 15,
};
enum class AclPermission : int8_t { any = 1, deny = 2, allow = 3 };

// The one name of a resource of type cluster.
constexpr std::string_view kClusterResource = "kafka-cluster";

struct AclResource {
    AclResourceType type = AclResourceType::any;
    std::string name;
    AclPattern pattern = AclPattern::literal;
    friend auto operator<=>(const AclResource&, const AclResource&) = default;
};
struct AclEntry {
    std::string principal;  // "User:alice"
    std::string host;       // "*": any
    AclOperation operation = AclOperation::any;
    AclPermission permission = AclPermission::any;
    friend auto operator<=>(const AclEntry&, const AclEntry&) = default;
};
struct Acl {
    AclResource resource;
    AclEntry entry;
    friend auto operator<=>(const Acl&, const Acl&) = default;
};

// Nothing: any.
struct AclFilter {
    AclResourceType type = AclResourceType::any;
    std::optional<std::string> name;
    AclPattern pattern = AclPattern::any;
    std::optional<std::string> principal;
    std::optional<std::string> host;
    AclOperation operation = AclOperation::any;
    AclPermission permission = AclPermission::any;
};

// What one filter deleted.
struct DeletedAcls {
    Error error{ErrorCode::none, {}};
    std::vector<Acl> deleted;
};

}  // namespace millrace::client
