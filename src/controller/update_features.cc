#include "controller/update_features.h"

#include <set>

#include <fmt/format.h>

#include "metadata/features.h"
#include "metadata/snapshot.h"

namespace millrace::controller {
namespace {

enum class UpgradeType : int8_t { upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };

using Update = protocol::UpdateFeaturesRequest::FeatureUpdateKey;
using Levels = std::map<std::string, int16_t>;

Error refuse(const Update& update, std::string_view why) {
    return fail(ErrorCode::invalid_update_version,
                fmt::format("level {} of feature {}: {}", update.max_version_level,
                            update.feature.view(), why));
}

UpgradeType type_of(const Update& update, int16_t version) {
    if (version == 0)
        return update.allow_downgrade ? UpgradeType::safe_downgrade : UpgradeType::upgrade;
    return static_cast<UpgradeType>(update.upgrade_type);
}

// Whether metadata that `from` can express and `to` cannot might exist: these levels brought new
// records or fields.
bool metadata_changed_between(int16_t to, int16_t from) {
    constexpr int16_t kChanged[] = {7, 8, 11, 13, 14, 15, 17, 23, 30};
    for (int16_t level : kChanged)
        if (to < level && level <= from) return true;
    return false;
}

Result<void> check_metadata_version(const Update& update, int16_t from, UpgradeType type) {
    const int16_t to = update.max_version_level;
    if (to >= from) return {};
    if (!metadata_changed_between(to, from)) return {};
    if (type == UpgradeType::safe_downgrade) {
        return refuse(update, "the lower level could not hold all of the metadata");
    }
    return refuse(update, "metadata cannot be taken back unsafely");
}

// The level that the feature has now; kraft.version is raft's, and what this node runs with.
int16_t level_now(const Levels& levels, std::string_view feature) {
    auto found = levels.find(std::string(feature));
    return found == levels.end() ? int16_t{0} : found->second;
}

Result<void> check_update(const Context& context, const Update& update, const Levels& levels) {
    const metadata::FeatureDef* def = metadata::find_feature(update.feature);
    if (def == nullptr) {
        return refuse(update,
                      fmt::format("controller {} does not have the feature", context.node_id));
    }
    const UpgradeType type = type_of(update, context.version);
    if (type < UpgradeType::upgrade || type > UpgradeType::unsafe_downgrade)
        return refuse(update, "there is no such upgrade type");
    if (update.max_version_level < def->min || update.max_version_level > def->max) {
        return refuse(update, fmt::format("controller {} has levels {} to {} of it",
                                          context.node_id, def->min, def->max));
    }
    for (const auto& [id, broker] : *context.state.brokers) {
        auto supported = broker.features.find(def->name);
        const metadata::VersionRange range =
            supported == broker.features.end() ? metadata::VersionRange{} : supported->second;
        if (update.max_version_level < range.min || update.max_version_level > range.max)
            return refuse(update, fmt::format("broker {} has levels {} to {} of it", id, range.min,
                                              range.max));
    }
    const bool kraft = def->name == metadata::kKraftVersion;
    const int16_t now = kraft ? context.kraft_version : level_now(levels, update.feature);
    if (kraft && update.max_version_level != now) {
        return refuse(update, update.max_version_level < now
                                  ? "this feature cannot be taken back"
                                  : "the quorum was formatted with static voters");
    }
    if (update.max_version_level < now && type == UpgradeType::upgrade) {
        return refuse(update, "the level is lower than now: ask for a safe or an unsafe downgrade");
    }
    if (update.max_version_level > now && type != UpgradeType::upgrade)
        return refuse(update, "a downgrade goes to a lower level");
    if (def->name == metadata::kMetadataVersion) return check_metadata_version(update, now, type);
    return {};
}

Result<Levels> updated_levels(const Context& context,
                              const protocol::UpdateFeaturesRequest& request) {
    const Levels before(context.state.features->begin(), context.state.features->end());
    Levels after = before;
    std::set<std::string_view> seen;
    for (const Update& update : request.feature_updates) {
        if (!seen.insert(update.feature).second)
            return fail(ErrorCode::invalid_request, "a feature is named twice");
        TRY_OK(check_update(context, update, before));
        if (update.feature != metadata::kKraftVersion)
            after[update.feature.str()] = update.max_version_level;
    }
    if (auto fits = metadata::check_dependencies(after); !fits)
        return fail(ErrorCode::invalid_update_version, fits.error().message);
    return after;
}

}  // namespace

Outcome<protocol::UpdateFeaturesResponse> update_features(
    const Context& context, const protocol::UpdateFeaturesRequest& request) {
    Outcome<protocol::UpdateFeaturesResponse> out;
    out.response.error_message.reset();
    auto after = updated_levels(context, request);
    if (!after) {
        set_error(out.response,
                  fail(after.error().code,
                       "no feature was updated, because of this one: " + after.error().message));
        return out;
    }
    if (context.version <= 1) {
        for (const Update& update : request.feature_updates) {
            auto& result = out.response.results.emplace_back();
            result.feature = update.feature.to_owned();
        }
    }
    if (request.validate_only) return out;
    for (const auto& [name, level] : *after) {
        if (context.state.feature_level(name) == level) continue;
        out.records.push_back(
            protocol::FeatureLevelRecord{.name = protocol::Str(name), .feature_level = level});
    }
    if (!context.state.elr_enabled() && level_now(*after, metadata::kElrVersion) >= 1)
        add_elr_records(context.state, context.config, out.records);
    return out;
}

void add_elr_records(const metadata::Image& state, const config::BrokerConfig& config,
                     Records& records) {
    constexpr std::string_view kMinInsyncReplicas = "min.insync.replicas";
    auto add = [&](std::string_view broker, std::optional<std::string> value) {
        protocol::ConfigRecord r;
        r.resource_type = static_cast<int8_t>(metadata::ResourceType::broker);
        r.resource_name = protocol::Str(broker);
        r.name = protocol::Str(kMinInsyncReplicas);
        r.value.reset();
        if (value) r.value = protocol::Str(*value);
        records.push_back(std::move(r));
    };
    if (!state.overrides(metadata::ResourceType::broker, "").contains(kMinInsyncReplicas))
        add("", config.text(kMinInsyncReplicas));
    for (const auto& [id, broker] : *state.brokers) {
        const std::string name = std::to_string(id);
        if (state.overrides(metadata::ResourceType::broker, name).contains(kMinInsyncReplicas))
            add(name, std::nullopt);
    }
}

}  // namespace millrace::controller
