#include "metadata/builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace millrace::metadata {
namespace {

// A topic cannot have more partitions than this; a record with a larger index is damaged.
constexpr int32_t kPartitionsPerTopicMax = 1'000'000;

Error misfit(std::string_view record, std::string why) {
    return fail(ErrorCode::malformed,
                fmt::format("{} does not fit the metadata: {}", record, std::move(why)));
}

template <typename Endpoints>
std::vector<Endpoint> endpoints_of(const Endpoints& from) {
    std::vector<Endpoint> to;
    for (const auto& e : from) {
        to.push_back({.listener = e.name.str(),
                      .host = e.host.str(),
                      .port = e.port,
                      .security_protocol = e.security_protocol});
    }
    return to;
}

template <typename Features>
SupportedFeatures features_of(const Features& from) {
    SupportedFeatures to;
    for (const auto& f : from)
        to[f.name.str()] = {f.min_supported_version, f.max_supported_version};
    return to;
}

std::vector<uint8_t> bytes_of(const protocol::Blob& b) {
    return {b.view().begin(), b.view().end()};
}

void merge(Partition& p, const protocol::PartitionChangeRecord& r) {
    if (r.isr) p.isr = *r.isr;
    if (r.replicas) p.replicas = *r.replicas;
    if (r.removing_replicas) p.removing_replicas = *r.removing_replicas;
    if (r.adding_replicas) p.adding_replicas = *r.adding_replicas;
    if (r.directories) p.directories = *r.directories;
    if (r.eligible_leader_replicas) p.eligible_leader_replicas = *r.eligible_leader_replicas;
    if (r.last_known_elr) p.last_known_elr = *r.last_known_elr;
    if (r.leader_recovery_state != -1) p.leader_recovery_state = r.leader_recovery_state;
    if (r.leader != -2) {  // also when it is the leader of before: that is how an epoch is bumped
        p.leader = r.leader;
        ++p.leader_epoch;
    }
    ++p.partition_epoch;
}

}  // namespace

// One overload a record type.
struct Builder::Apply {
    Builder& b;

    Result<void> operator()(const protocol::RegisterBrokerRecord& r) const {
        BrokerRegistration& broker = b.image_.brokers.change(b.edit_)[r.broker_id];
        broker = {.id = r.broker_id,
                  .epoch = r.broker_epoch,
                  .incarnation_id = r.incarnation_id,
                  .is_migrating_zk = r.is_migrating_zk_broker,
                  .endpoints = endpoints_of(r.end_points),
                  .features = features_of(r.features),
                  .fenced = r.fenced,
                  .in_controlled_shutdown = r.in_controlled_shutdown,
                  .log_dirs = r.log_dirs,
                  .cordoned_log_dirs = r.cordoned_log_dirs};
        if (r.rack) broker.rack = r.rack->str();
        b.delta_.brokers = true;
        return {};
    }
    Result<void> operator()(const protocol::UnregisterBrokerRecord& r) const {
        TRY_OK(broker(r.kName, r.broker_id, r.broker_epoch));
        b.image_.brokers.change(b.edit_).erase(r.broker_id);
        return {};
    }
    Result<void> operator()(const protocol::FenceBrokerRecord& r) const {
        TRY(BrokerRegistration * found, broker(r.kName, r.id, r.epoch));
        found->fenced = true;
        return {};
    }
    Result<void> operator()(const protocol::UnfenceBrokerRecord& r) const {
        TRY(BrokerRegistration * found, broker(r.kName, r.id, r.epoch));
        found->fenced = false;
        return {};
    }
    Result<void> operator()(const protocol::BrokerRegistrationChangeRecord& r) const {
        TRY(BrokerRegistration * found, broker(r.kName, r.broker_id, r.broker_epoch));
        if (r.fenced != 0) found->fenced = r.fenced > 0;
        if (r.in_controlled_shutdown != 0)
            found->in_controlled_shutdown = r.in_controlled_shutdown > 0;
        if (!r.log_dirs.empty()) found->log_dirs = r.log_dirs;
        if (r.cordoned_log_dirs) found->cordoned_log_dirs = r.cordoned_log_dirs;
        return {};
    }
    Result<void> operator()(const protocol::RegisterControllerRecord& r) const {
        b.image_.controllers.change(b.edit_)[r.controller_id] = {
            .id = r.controller_id,
            .incarnation_id = r.incarnation_id,
            .zk_migration_ready = r.zk_migration_ready,
            .endpoints = endpoints_of(r.end_points),
            .features = features_of(r.features)};
        b.delta_.controllers = true;
        return {};
    }

    Result<void> operator()(const protocol::TopicRecord& r) const {
        if (b.current(r.topic_id) != nullptr)
            return misfit(r.kName, "there is a topic with this id already");
        const Topic* same_name = b.image_.topics_by_name.find(r.name.view());
        if (same_name != nullptr && b.current(same_name->id) != nullptr)
            return misfit(r.kName, fmt::format("there is a topic '{}' already", r.name.view()));
        Touched& t = b.touch(r.topic_id);
        t.now = std::make_shared<Topic>(Topic{.id = r.topic_id, .name = r.name.str()});
        t.pending = true;
        b.new_names_[t.now->name] = r.topic_id;
        return {};
    }
    Result<void> operator()(const protocol::RemoveTopicRecord& r) const {
        const Topic* topic = b.current(r.topic_id);
        if (topic == nullptr) return misfit(r.kName, "there is no such topic");
        const ConfigResource resource{ResourceType::topic, topic->name};
        if (b.image_.configs.erase(resource, b.edit_)) b.delta_.configs.insert(resource);
        b.new_names_.erase(topic->name);
        Touched& t = b.touch(r.topic_id);
        t.now = nullptr;
        t.pending = true;
        return {};
    }
    Result<void> operator()(const protocol::PartitionRecord& r) const {
        if (r.partition_id < 0 || r.partition_id >= kPartitionsPerTopicMax)
            return misfit(r.kName, fmt::format("partition {}", r.partition_id));
        if (r.leader_epoch < 0) return misfit(r.kName, "a negative leader epoch");
        Topic* topic = b.change(r.topic_id);
        if (topic == nullptr) return misfit(r.kName, "there is no such topic");
        const auto index = static_cast<size_t>(r.partition_id);
        if (topic->partitions.size() <= index) topic->partitions.resize(index + 1);
        Partition& p = topic->partitions[index];
        p.replicas = r.replicas;
        p.isr = r.isr;
        p.removing_replicas = r.removing_replicas;
        p.adding_replicas = r.adding_replicas;
        p.eligible_leader_replicas = r.eligible_leader_replicas.value_or(std::vector<NodeId>{});
        p.last_known_elr = r.last_known_elr.value_or(std::vector<NodeId>{});
        p.directories = r.directories;
        p.leader = r.leader;
        p.leader_epoch = r.leader_epoch;
        p.partition_epoch = r.partition_epoch;
        p.leader_recovery_state = r.leader_recovery_state;
        return {};
    }
    Result<void> operator()(const protocol::PartitionChangeRecord& r) const {
        Topic* topic = b.change(r.topic_id);
        if (topic == nullptr) return misfit(r.kName, "there is no such topic");
        if (topic->partition(r.partition_id) == nullptr)
            return misfit(r.kName,
                          fmt::format("'{}' has no partition {}", topic->name, r.partition_id));
        merge(topic->partitions[static_cast<size_t>(r.partition_id)], r);
        return {};
    }
    Result<void> operator()(const protocol::ClearElrRecord& r) const {
        if (!r.topic_name.empty()) {
            clear_elr(r.topic_name);
            return {};
        }
        b.flush();
        std::vector<std::string> names;
        b.image_.topics_by_name.for_each([&](const TopicPtr& t) { names.push_back(t->name); });
        for (const std::string& name : names) clear_elr(name);
        return {};
    }

    Result<void> operator()(const protocol::ConfigRecord& r) const {
        const ConfigResource resource{static_cast<ResourceType>(r.resource_type),
                                      r.resource_name.str()};
        const ResourceConfig* found = b.image_.configs.find(resource);
        auto changed = found ? std::make_shared<ResourceConfig>(*found)
                             : std::make_shared<ResourceConfig>(ResourceConfig{resource, {}});
        if (r.value) {
            changed->values[r.name.str()] = r.value->str();
        } else {
            changed->values.erase(r.name.str());
        }
        if (changed->values.empty()) {
            b.image_.configs.erase(resource, b.edit_);
        } else {
            b.image_.configs.set(std::move(changed), b.edit_);
        }
        b.delta_.configs.insert(resource);
        return {};
    }
    Result<void> operator()(const protocol::FeatureLevelRecord& r) const {
        auto& levels = b.image_.features.change(b.edit_);
        if (r.feature_level == 0) {
            levels.erase(r.name.str());
        } else {
            levels[r.name.str()] = r.feature_level;
        }
        b.delta_.features = true;
        return {};
    }
    Result<void> operator()(const protocol::ProducerIdsRecord& r) const {
        b.image_.next_producer_id = r.next_producer_id;
        b.delta_.producer_ids = true;
        return {};
    }

    Result<void> operator()(const protocol::AccessControlEntryRecord& r) const {
        b.image_.acls.set(std::make_shared<Acl>(Acl{.id = r.id,
                                                    .resource_type = r.resource_type,
                                                    .resource_name = r.resource_name.str(),
                                                    .pattern_type = r.pattern_type,
                                                    .principal = r.principal.str(),
                                                    .host = r.host.str(),
                                                    .operation = r.operation,
                                                    .permission_type = r.permission_type}),
                          b.edit_);
        b.delta_.acls = true;
        return {};
    }
    Result<void> operator()(const protocol::RemoveAccessControlEntryRecord& r) const {
        if (!b.image_.acls.erase(r.id, b.edit_)) return misfit(r.kName, "there is no such entry");
        b.delta_.acls = true;
        return {};
    }
    Result<void> operator()(const protocol::UserScramCredentialRecord& r) const {
        b.image_.scram.change(b.edit_)[{r.name.str(), r.mechanism}] = {
            .salt = bytes_of(r.salt),
            .stored_key = bytes_of(r.stored_key),
            .server_key = bytes_of(r.server_key),
            .iterations = r.iterations};
        b.delta_.scram = true;
        return {};
    }
    Result<void> operator()(const protocol::RemoveUserScramCredentialRecord& r) const {
        if (b.image_.scram.change(b.edit_).erase({r.name.str(), r.mechanism}) == 0)
            return misfit(r.kName, "there is no such credential");
        b.delta_.scram = true;
        return {};
    }
    Result<void> operator()(const protocol::DelegationTokenRecord& r) const {
        DelegationToken token{.owner = r.owner.str(),
                              .requester = r.requester.str(),
                              .issue_timestamp = r.issue_timestamp,
                              .max_timestamp = r.max_timestamp,
                              .expiration_timestamp = r.expiration_timestamp};
        for (const auto& renewer : r.renewers) token.renewers.push_back(renewer.str());
        b.image_.delegation_tokens.change(b.edit_)[r.token_id.str()] = std::move(token);
        b.delta_.delegation_tokens = true;
        return {};
    }
    Result<void> operator()(const protocol::RemoveDelegationTokenRecord& r) const {
        b.image_.delegation_tokens.change(b.edit_).erase(r.token_id.str());
        b.delta_.delegation_tokens = true;
        return {};
    }
    Result<void> operator()(const protocol::ClientQuotaRecord& r) const {
        QuotaEntity entity;
        for (const auto& e : r.entity) {
            std::optional<std::string> name;
            if (e.entity_name) name = e.entity_name->str();
            entity[e.entity_type.str()] = std::move(name);
        }
        auto& quotas = b.image_.quotas.change(b.edit_);
        QuotaValues& values = quotas[entity];
        if (r.remove) {
            values.erase(r.key.str());
        } else {
            values[r.key.str()] = r.value;
        }
        if (values.empty()) quotas.erase(entity);
        b.delta_.quotas = true;
        return {};
    }

    Result<void> operator()(const protocol::BeginTransactionRecord& r) const {
        if (b.in_transaction()) return misfit(r.kName, "a transaction is open already");
        b.flush();
        b.before_transaction_ = Saved{b.image_, b.delta_, b.touched_};
        b.edit_.renew();  // what the saved image holds must not change in place
        return {};
    }
    Result<void> operator()(const protocol::EndTransactionRecord& r) const {
        if (!b.in_transaction()) return misfit(r.kName, "no transaction is open");
        b.before_transaction_.reset();
        return {};
    }
    Result<void> operator()(const protocol::AbortTransactionRecord& r) const {
        if (!b.in_transaction()) return misfit(r.kName, "no transaction is open");
        Saved saved = *std::move(b.before_transaction_);
        b.before_transaction_.reset();
        b.image_ = std::move(saved.image);
        b.delta_ = std::move(saved.delta);
        b.touched_ = std::move(saved.touched);
        b.touched_index_.clear();
        for (size_t i = 0; i < b.touched_.size(); ++i) b.touched_index_[b.touched_[i].id] = i;
        b.new_names_.clear();
        return {};
    }
    Result<void> operator()(const protocol::NoOpRecord&) const { return {}; }
    // ZooKeeper is long gone; old logs may still tell of it.
    Result<void> operator()(const protocol::ZkMigrationStateRecord&) const { return {}; }

private:
    Result<BrokerRegistration*> broker(std::string_view record, NodeId id, int64_t epoch) const {
        auto& brokers = b.image_.brokers.change(b.edit_);
        auto found = brokers.find(id);
        if (found == brokers.end())
            return misfit(record, fmt::format("broker {} is not registered", id));
        if (found->second.epoch != epoch) {
            return misfit(record, fmt::format("broker {} has epoch {}, not {}", id,
                                              found->second.epoch, epoch));
        }
        b.delta_.brokers = true;
        return &found->second;
    }
    void clear_elr(std::string_view name) const {
        Uuid id;
        if (auto created = b.new_names_.find(std::string(name)); created != b.new_names_.end()) {
            id = created->second;
        } else if (const Topic* topic = b.image_.topics_by_name.find(name)) {
            id = topic->id;
        }
        const Topic* topic = b.current(id);
        if (topic == nullptr) return;
        auto has_elr = [](const Partition& p) {
            return !p.eligible_leader_replicas.empty() || !p.last_known_elr.empty();
        };
        if (std::ranges::none_of(topic->partitions, has_elr)) return;
        for (Partition& p : b.change(id)->partitions) {
            if (!has_elr(p)) continue;
            p.eligible_leader_replicas = {};
            p.last_known_elr = {};
            ++p.partition_epoch;
        }
    }
};

Builder::Builder(ImagePtr from) : image_(*from) {}

Result<void> Builder::apply(const protocol::MetadataRecord& record) {
    return std::visit(Apply{*this}, record);
}

Builder::Touched& Builder::touch(const Uuid& id) {
    auto [at, fresh] = touched_index_.try_emplace(id, touched_.size());
    if (fresh) touched_.push_back({.id = id, .before = image_.topic(id)});
    return touched_[at->second];
}

const Topic* Builder::current(const Uuid& id) {
    if (auto at = touched_index_.find(id); at != touched_index_.end()) {
        const Touched& t = touched_[at->second];
        if (t.pending) return t.now.get();
    }
    return image_.topics_by_id.find(id);
}

Topic* Builder::change(const Uuid& id) {
    const Topic* topic = current(id);
    if (topic == nullptr) return nullptr;
    Touched& t = touch(id);
    if (!t.pending) {
        t.now = std::make_shared<Topic>(*topic);
        t.pending = true;
    }
    return t.now.get();
}

void Builder::flush() {
    // First all that goes, then all that comes: a name may have moved from one topic id to another.
    for (const Touched& t : touched_) {
        if (!t.pending || t.now) continue;
        const TopicPtr old = image_.topic(t.id);
        if (!old) continue;
        image_.topics_by_id.erase(t.id, edit_);
        image_.topics_by_name.erase(old->name, edit_);
        forget_name(*old);
    }
    for (Touched& t : touched_) {
        if (!std::exchange(t.pending, false) || !t.now) continue;
        TopicPtr topic = std::move(t.now);
        if (image_.topics_by_id.find(t.id) == nullptr) remember_name(topic);
        image_.topics_by_id.set(topic, edit_);
        image_.topics_by_name.set(std::move(topic), edit_);
    }
    new_names_.clear();
}

void Builder::forget_name(const Topic& topic) {
    const auto unified = unified_topic_name(topic.name);
    if (!unified) return;
    auto group = std::make_shared<NameGroup>(*image_.name_groups.find(*unified));
    std::erase(group->names, topic.name);
    if (group->names.empty()) {
        image_.name_groups.erase(*unified, edit_);
    } else {
        image_.name_groups.set(std::move(group), edit_);
    }
}

void Builder::remember_name(const TopicPtr& topic) {
    const auto unified = unified_topic_name(topic->name);
    if (!unified) return;
    const NameGroup* found = image_.name_groups.find(*unified);
    auto group = found ? std::make_shared<NameGroup>(*found)
                       : std::make_shared<NameGroup>(NameGroup{*unified, {}});
    group->names.push_back(topic->name);
    image_.name_groups.set(std::move(group), edit_);
}

std::pair<ImagePtr, Delta> Builder::publish(Position position) {
    INVARIANT(!in_transaction());
    flush();
    image_.position = position;
    Delta delta = std::exchange(delta_, {});
    for (Touched& t : touched_) {
        TopicPtr after = image_.topic(t.id);
        if (t.before == after) continue;
        delta.topics.push_back({std::move(t.before), std::move(after)});
    }
    touched_.clear();
    touched_index_.clear();
    edit_.renew();  // readers have it now
    return {std::make_shared<const Image>(image_), std::move(delta)};
}

}  // namespace millrace::metadata
