#include "cli/kafka/metadata_nodes.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "cli/cluster/acls.h"
#include "cli/kafka/misuse.h"
#include "metadata/features.h"

namespace millrace::cli::kafka {
namespace {

using metadata::ImagePtr;

using Children = std::map<std::string, MetadataNodePtr, std::less<>>;

MetadataNodePtr file(std::function<std::string()> text) {
    return std::make_shared<const MetadataNode>(MetadataNode{.text = std::move(text)});
}
MetadataNodePtr file(std::string text) {
    return file([text = std::move(text)] { return text; });
}
MetadataNodePtr directory(Children children, std::vector<std::string> nameless = {}) {
    return std::make_shared<const MetadataNode>(
        MetadataNode{.children = std::move(children), .nameless = std::move(nameless)});
}

template <typename Items>
std::string ids_text(const Items& items) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ", ";
        if constexpr (requires { item.to_string(); })
            out += item.to_string();
        else
            out += fmt::format("{}", item);
    }
    return out + "]";
}

std::string hex(const std::vector<uint8_t>& bytes) {
    std::string out;
    for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

std::string_view truth(bool value) {
    return value ? "true" : "false";
}

// ---- acls

std::string acl_text(const metadata::Acl& acl) {
    return fmt::format(
        "StandardAcl[resourceType={}, resourceName={}, patternType={}, principal={}, host={}, "
        "operation={}, permissionType={}]",
        name_of(static_cast<client::AclResourceType>(acl.resource_type)), acl.resource_name,
        name_of(static_cast<client::AclPattern>(acl.pattern_type)), acl.principal, acl.host,
        name_of(static_cast<client::AclOperation>(acl.operation)),
        name_of(static_cast<client::AclPermission>(acl.permission_type)));
}

MetadataNodePtr acls_node(const ImagePtr& image) {
    Children by_id;
    image->acls.for_each([&](const std::shared_ptr<const metadata::Acl>& acl) {
        by_id[acl->id.to_string()] = file([acl] { return acl_text(*acl); });
    });
    return directory({{"byId", directory(std::move(by_id))}});
}

// ---- quotas

std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '\\' || c == '(' || c == ')') out += '\\';
        out += c;
    }
    return out;
}

MetadataNodePtr quotas_node(const ImagePtr& image) {
    Children children;
    std::vector<std::string> nameless;
    for (const auto& [entity, values] : *image->quotas) {
        std::string name;
        bool whole = true;
        for (const auto& [type, value] : entity) {
            whole = whole && value.has_value();
            if (!value) continue;
            name += fmt::format("{}{}({})", name.empty() ? "" : "_",
                                type == "client-id" ? "clientId" : type, escaped(*value));
        }
        if (!whole) {
            nameless.push_back(std::move(name));
            continue;
        }
        Children limits;
        for (const auto& [key, value] : values) limits[key] = file(java_double(value));
        children[name] = directory(std::move(limits));
    }
    return directory(std::move(children), std::move(nameless));
}

// ---- cluster

std::string listeners_text(std::vector<metadata::Endpoint> endpoints) {
    static constexpr std::string_view kProtocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                                      "SASL_SSL"};
    std::ranges::sort(endpoints, {}, &metadata::Endpoint::listener);
    std::string out = "[";
    for (const metadata::Endpoint& e : endpoints) {
        const auto protocol = static_cast<size_t>(e.security_protocol);
        out += fmt::format("{}Endpoint(listenerName='{}', securityProtocol={}, host='{}', port={})",
                           out.size() > 1 ? ", " : "", e.listener,
                           protocol < std::size(kProtocols) ? kProtocols[protocol] : "UNKNOWN",
                           e.host, e.port);
    }
    return out + "]";
}

std::string features_text(const metadata::SupportedFeatures& features) {
    std::string out = "{";
    for (const auto& [name, range] : features) {
        out += fmt::format("{}{}: {}", out.size() > 1 ? ", " : "", name, range.min);
        if (range.max != range.min) out += fmt::format("-{}", range.max);
    }
    return out + "}";
}

std::string broker_text(const metadata::BrokerRegistration& b) {
    return fmt::format(
        "BrokerRegistration(id={}, epoch={}, incarnationId={}, listeners={}, supportedFeatures={}, "
        "rack={}, fenced={}, inControlledShutdown={}, isMigratingZkBroker={}, directories={}, "
        "cordonedDirectories={})",
        b.id, b.epoch, b.incarnation_id.to_string(), listeners_text(b.endpoints),
        features_text(b.features),
        b.rack ? fmt::format("Optional[{}]", *b.rack) : std::string{"Optional.empty"},
        truth(b.fenced), truth(b.in_controlled_shutdown), truth(b.is_migrating_zk),
        ids_text(b.log_dirs), ids_text(b.cordoned_log_dirs.value_or(std::vector<Uuid>{})));
}

std::string controller_text(const metadata::ControllerRegistration& c) {
    return fmt::format(
        "ControllerRegistration(id={}, incarnationId={}, zkMigrationReady={}, listeners={}, "
        "supportedFeatures={})",
        c.id, c.incarnation_id.to_string(), truth(c.zk_migration_ready),
        listeners_text(c.endpoints), features_text(c.features));
}

MetadataNodePtr cluster_node(const ImagePtr& image) {
    Children brokers;
    for (const auto& [id, broker] : *image->brokers)
        brokers[fmt::format("{}", id)] = file([image, &broker] { return broker_text(broker); });
    Children controllers;
    for (const auto& [id, controller] : *image->controllers)
        controllers[fmt::format("{}", id)] =
            file([image, &controller] { return controller_text(controller); });
    return directory({{"brokers", directory(std::move(brokers))},
                      {"controllers", directory(std::move(controllers))}});
}

// ---- configs, features, producer ids, provenance

std::string_view type_name(metadata::ResourceType type) {
    using enum metadata::ResourceType;
    switch (type) {
        case topic:
            return "TOPIC";
        case broker:
            return "BROKER";
        case broker_logger:
            return "BROKER_LOGGER";
        case client_metrics:
            return "CLIENT_METRICS";
        case group:
            return "GROUP";
        case unknown:
            break;
    }
    return "UNKNOWN";
}

MetadataNodePtr configs_node(const ImagePtr& image) {
    Children children;
    image->configs.for_each([&](const std::shared_ptr<const metadata::ResourceConfig>& config) {
        Children values;
        for (const auto& [name, value] : config->values) values[name] = file(value);
        const std::string& name = config->resource.name;
        children[fmt::format("{}{}{}", type_name(config->resource.type), name.empty() ? "" : ":",
                             name)] = directory(std::move(values));
    });
    return directory(std::move(children));
}

MetadataNodePtr features_node(const ImagePtr& image) {
    Children children;
    for (const auto& [name, level] : *image->features)
        if (name != metadata::kMetadataVersion)
            children["finalized_" + name] = file(fmt::format("{}", level));
    const auto release =
        metadata::metadata_version_name(image->feature_level(metadata::kMetadataVersion));
    children["metadataVersion"] =
        file(release ? fmt::format("Optional[{}]", *release) : std::string{"Optional.empty"});
    return directory(std::move(children));
}

// As java.time writes it: what is zero at the end is left out.
std::string time_text(TimestampMs ms) {
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds{ms}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss<milliseconds> clock{time - day};
    std::string out =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}", int{date.year()}, unsigned{date.month()},
                    unsigned{date.day()}, clock.hours().count(), clock.minutes().count());
    const auto part = clock.subseconds().count();
    if (clock.seconds().count() != 0 || part != 0)
        out += fmt::format(":{:02}", clock.seconds().count());
    if (part != 0) out += fmt::format(".{:03}", part);
    return out + "Z[UTC]";
}

// ---- scram, tokens

MetadataNodePtr scram_node(const ImagePtr& image) {
    Children sha256;
    Children sha512;
    for (const auto& [key, c] : *image->scram)
        (key.second == 1 ? sha256 : sha512)[key.first] = file([image, &c] {
            return fmt::format(
                "ScramCredentialData(salt={}, storedKey={}, serverKey={}, iterations={})",
                hex(c.salt), hex(c.stored_key), hex(c.server_key), c.iterations);
        });
    return directory({{"SCRAM-SHA-256", directory(std::move(sha256))},
                      {"SCRAM-SHA-512", directory(std::move(sha512))}});
}

// The brackets are Kafka's.
MetadataNodePtr tokens_node(const ImagePtr& image) {
    Children children;
    for (const auto& entry : *image->delegation_tokens) {
        children[entry.first] = file([image, &entry] {
            const auto& [id, token] = entry;
            return fmt::format(
                "DelegationTokenDatatokenId={}(owner={}(tokenRequester={}(renewers={}, "
                "issueTimestamp={}, maxTimestamp={}), expiryTimestamp={}",
                id, token.owner, token.requester, fmt::join(token.renewers, " "),
                token.issue_timestamp, token.max_timestamp, token.expiration_timestamp);
        });
    }
    return directory(std::move(children));
}

// ---- topics

std::string partition_text(const metadata::Partition& p) {
    std::vector<Uuid> directories = p.directories.to_vector();
    if (directories.empty()) directories.assign(p.replicas.size(), metadata::kDirectoryMigrating);
    return fmt::format(
        "PartitionRegistration(replicas={}, directories={}, isr={}, removingReplicas={}, "
        "addingReplicas={}, elr={}, lastKnownElr={}, leader={}, leaderRecoveryState={}, "
        "leaderEpoch={}, partitionEpoch={})",
        ids_text(p.replicas), ids_text(directories), ids_text(p.isr), ids_text(p.removing_replicas),
        ids_text(p.adding_replicas), ids_text(p.eligible_leader_replicas),
        ids_text(p.last_known_elr), p.leader,
        p.leader_recovery_state == 0 ? "RECOVERED" : "RECOVERING", p.leader_epoch,
        p.partition_epoch);
}

MetadataNodePtr topics_node(const ImagePtr& image) {
    Children by_name;
    Children by_id;
    image->topics_by_name.for_each([&](const metadata::TopicPtr& topic) {
        Children children{{"id", file(topic->id.to_string())}, {"name", file(topic->name)}};
        for (size_t i = 0; i != topic->partitions.size(); ++i)
            if (topic->partitions[i].exists())
                children[fmt::format("{}", i)] =
                    file([topic, i] { return partition_text(topic->partitions[i]); });
        by_name[topic->name] = by_id[topic->id.to_string()] = directory(std::move(children));
    });
    return directory(
        {{"byId", directory(std::move(by_id))}, {"byName", directory(std::move(by_name))}});
}

}  // namespace

const MetadataNode* MetadataNode::child(std::string_view name) const {
    const auto at = children.find(name);
    return at == children.end() ? nullptr : at->second.get();
}

std::vector<std::string> MetadataNode::names() const {
    std::vector<std::string> out = nameless;
    for (const auto& [name, node] : children) out.push_back(name);
    std::ranges::sort(out);
    return out;
}

std::string java_double(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    const double size = std::abs(value);
    const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
    char buffer[64];
    const auto end = std::to_chars(std::begin(buffer), std::end(buffer), value,
                                   plain ? std::chars_format::fixed : std::chars_format::scientific)
                         .ptr;
    std::string out{buffer, end};
    if (plain) return out.find('.') == std::string::npos ? out + ".0" : out;
    const size_t e = out.find('e');
    std::string digits = out.substr(0, e);
    if (digits.find('.') == std::string::npos) digits += ".0";
    int exponent = 0;
    const char* from = out.data() + e + 1;
    if (*from == '+') ++from;
    std::from_chars(from, out.data() + out.size(), exponent);
    return fmt::format("{}E{}", digits, exponent);
}

MetadataNodePtr metadata_tree(const ImagePtr& image) {
    Children producers;
    if (image->next_producer_id >= 0)
        producers["nextProducerId"] = file(fmt::format("{}", image->next_producer_id));
    const metadata::Position& at = image->position;
    MetadataNodePtr shown = directory({
        {"acls", acls_node(image)},
        {"clientQuotas", quotas_node(image)},
        {"cluster", cluster_node(image)},
        {"configs", configs_node(image)},
        {"delegationToken", tokens_node(image)},
        {"features", features_node(image)},
        {"producerIds", directory(std::move(producers))},
        {"provenance", file(fmt::format("offset {}, epoch {}, time {}", at.offset, at.epoch,
                                        time_text(at.timestamp)))},
        {"scram", scram_node(image)},
        {"topics", topics_node(image)},
    });
    MetadataNodePtr local = directory({{"commitId", file(std::string{"unknown"})},
                                       {"version", file(std::string{kKafkaVersion})}});
    return directory({{"image", std::move(shown)}, {"local", std::move(local)}});
}

}  // namespace millrace::cli::kafka
