// What kafka-configs is about: resources with settings, and users, clients and addresses, which have
// quotas and passwords.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cluster/session.h"
#include "cli/kafka/refused.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

struct EntityKind {
    std::string_view plural;
    std::string_view flag;      // --topic
    std::string_view defaults;  // --broker-defaults
    std::optional<client::ResourceType> resource;
    std::string_view quota;  // its type in quotas
};

struct Entity {
    const EntityKind* kind = nullptr;
    std::optional<std::string> name;  // "" = the default; nothing: all of them
    std::string_view singular() const { return kind->plural.substr(0, kind->plural.size() - 1); }
};

// Quotas of the entities, and of users alone their passwords. The entities are of kinds without a
// resource.
Result<void> describe_accounts(const Console& console, Session& session,
                               const std::vector<Entity>& entities);
Result<void> alter_accounts(Session& session, const std::vector<Entity>& entities,
                            const std::vector<client::ConfigChange>& changes);

}  // namespace millrace::cli::kafka
