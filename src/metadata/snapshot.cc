#include "metadata/snapshot.h"

#include <algorithm>

#include "metadata/features.h"

namespace millrace::metadata {
namespace {

using protocol::MetadataRecord;
using protocol::Str;

// The record's strings borrow from the image, which outlives them.
Str text(const std::string& s) {
    return Str::borrow(s);
}

template <typename Record>
void put_endpoints(const std::vector<Endpoint>& from, Record& record) {
    for (const Endpoint& e : from) {
        auto& to = record.end_points.emplace_back();
        to.name = text(e.listener);
        to.host = text(e.host);
        to.port = e.port;
        to.security_protocol = e.security_protocol;
    }
}

template <typename Record>
void put_features(const SupportedFeatures& from, Record& record) {
    for (const auto& [name, range] : from) {
        auto& to = record.features.emplace_back();
        to.name = text(name);
        to.min_supported_version = range.min;
        to.max_supported_version = range.max;
    }
}

MetadataRecord broker_record(const BrokerRegistration& b) {
    protocol::RegisterBrokerRecord r;
    r.broker_id = b.id;
    r.is_migrating_zk_broker = b.is_migrating_zk;
    r.incarnation_id = b.incarnation_id;
    r.broker_epoch = b.epoch;
    put_endpoints(b.endpoints, r);
    put_features(b.features, r);
    r.rack.reset();
    if (b.rack) r.rack = text(*b.rack);
    r.fenced = b.fenced;
    r.in_controlled_shutdown = b.in_controlled_shutdown;
    r.log_dirs = b.log_dirs;
    r.cordoned_log_dirs = b.cordoned_log_dirs;
    return r;
}

MetadataRecord controller_record(const ControllerRegistration& c) {
    protocol::RegisterControllerRecord r;
    r.controller_id = c.id;
    r.incarnation_id = c.incarnation_id;
    r.zk_migration_ready = c.zk_migration_ready;
    put_endpoints(c.endpoints, r);
    put_features(c.features, r);
    return r;
}

MetadataRecord partition_record(const Topic& topic, size_t index) {
    const Partition& p = topic.partitions[index];
    protocol::PartitionRecord r;
    r.partition_id = static_cast<PartitionIndex>(index);
    r.topic_id = topic.id;
    r.replicas = p.replicas.to_vector();
    r.isr = p.isr.to_vector();
    r.removing_replicas = p.removing_replicas.to_vector();
    r.adding_replicas = p.adding_replicas.to_vector();
    if (!p.eligible_leader_replicas.empty())
        r.eligible_leader_replicas = p.eligible_leader_replicas.to_vector();
    if (!p.last_known_elr.empty()) r.last_known_elr = p.last_known_elr.to_vector();
    r.leader = p.leader;
    r.leader_recovery_state = p.leader_recovery_state;
    r.leader_epoch = p.leader_epoch;
    r.partition_epoch = p.partition_epoch;
    r.directories = p.directories.to_vector();
    return r;
}

Result<void> write_features(const Image& image, const RecordSink& sink) {
    auto write = [&](const std::string& name, int16_t level) {
        return sink(protocol::FeatureLevelRecord{.name = text(name), .feature_level = level});
    };
    auto first = image.features->find(kMetadataVersion);
    if (first != image.features->end()) TRY_OK(write(first->first, first->second));
    for (const auto& [name, level] : *image.features)
        if (name != kMetadataVersion) TRY_OK(write(name, level));
    return {};
}

// Index order depends on the hash alone; by name is what a reader of a dump wants.
template <typename Index, typename Less>
auto sorted(const Index& index, Less less) {
    std::vector<typename Index::Pointer> all;
    all.reserve(index.size());
    index.for_each([&](const auto& p) { all.push_back(p); });
    std::ranges::sort(all, less);
    return all;
}

Result<void> write_topic(const Topic& topic, const RecordSink& sink) {
    TRY_OK(sink(protocol::TopicRecord{.name = text(topic.name), .topic_id = topic.id}));
    for (size_t i = 0; i < topic.partitions.size(); ++i)
        if (topic.partitions[i].exists()) TRY_OK(sink(partition_record(topic, i)));
    return {};
}

Result<void> write_config(const ResourceConfig& config, const RecordSink& sink) {
    for (const auto& [name, value] : config.values) {
        protocol::ConfigRecord r;
        r.resource_type = static_cast<int8_t>(config.resource.type);
        r.resource_name = text(config.resource.name);
        r.name = text(name);
        r.value = text(value);
        TRY_OK(sink(std::move(r)));
    }
    return {};
}

Result<void> write_quotas(const Image& image, const RecordSink& sink) {
    for (const auto& [entity, values] : *image.quotas) {
        protocol::ClientQuotaRecord r;
        for (const auto& [type, name] : entity) {
            auto& to = r.entity.emplace_back();
            to.entity_type = text(type);
            to.entity_name.reset();
            if (name) to.entity_name = text(*name);
        }
        for (const auto& [key, value] : values) {
            r.key = text(key);
            r.value = value;
            TRY_OK(sink(r));
        }
    }
    return {};
}

Result<void> write_security(const Image& image, const RecordSink& sink) {
    auto by_id = [](const auto& a, const auto& b) { return a->id < b->id; };
    for (const auto& acl : sorted(image.acls, by_id)) {
        TRY_OK(sink(protocol::AccessControlEntryRecord{.id = acl->id,
                                                       .resource_type = acl->resource_type,
                                                       .resource_name = text(acl->resource_name),
                                                       .pattern_type = acl->pattern_type,
                                                       .principal = text(acl->principal),
                                                       .host = text(acl->host),
                                                       .operation = acl->operation,
                                                       .permission_type = acl->permission_type}));
    }
    for (const auto& [key, c] : *image.scram) {
        protocol::UserScramCredentialRecord r;
        r.name = text(key.first);
        r.mechanism = key.second;
        r.salt = protocol::Blob::borrow(c.salt);
        r.stored_key = protocol::Blob::borrow(c.stored_key);
        r.server_key = protocol::Blob::borrow(c.server_key);
        r.iterations = c.iterations;
        TRY_OK(sink(std::move(r)));
    }
    for (const auto& [id, token] : *image.delegation_tokens) {
        protocol::DelegationTokenRecord r;
        r.owner = text(token.owner);
        r.requester = text(token.requester);
        for (const std::string& renewer : token.renewers) r.renewers.push_back(text(renewer));
        r.issue_timestamp = token.issue_timestamp;
        r.max_timestamp = token.max_timestamp;
        r.expiration_timestamp = token.expiration_timestamp;
        r.token_id = text(id);
        TRY_OK(sink(std::move(r)));
    }
    return {};
}

Result<void> write_cluster(const Image& image, const RecordSink& sink) {
    TRY_OK(write_features(image, sink));
    for (const auto& [id, broker] : *image.brokers) TRY_OK(sink(broker_record(broker)));
    for (const auto& [id, controller] : *image.controllers)
        TRY_OK(sink(controller_record(controller)));
    return {};
}

Result<void> write_rest(const Image& image, const RecordSink& sink) {
    TRY_OK(write_quotas(image, sink));
    if (image.next_producer_id >= 0) {
        protocol::ProducerIdsRecord r;
        r.broker_id = -1;
        r.next_producer_id = image.next_producer_id;
        TRY_OK(sink(std::move(r)));
    }
    return write_security(image, sink);
}

}  // namespace

ImageWriter::ImageWriter(ImagePtr image) : image_(std::move(image)) {}

Result<bool> ImageWriter::next(const RecordSink& sink) {
    switch (section_) {
        case Section::cluster:
            TRY_OK(write_cluster(*image_, sink));
            topics_ = sorted(image_->topics_by_name,
                             [](const auto& a, const auto& b) { return a->name < b->name; });
            configs_ = sorted(image_->configs, [](const auto& a, const auto& b) {
                return a->resource < b->resource;
            });
            section_ = Section::topics;
            return true;
        case Section::topics:
            if (at_ < topics_.size()) {
                TRY_OK(write_topic(*topics_[at_++], sink));
                return true;
            }
            section_ = Section::configs;
            at_ = 0;
            [[fallthrough]];
        case Section::configs:
            if (at_ < configs_.size()) {
                TRY_OK(write_config(*configs_[at_++], sink));
                return true;
            }
            section_ = Section::rest;
            [[fallthrough]];
        case Section::rest:
            TRY_OK(write_rest(*image_, sink));
            section_ = Section::done;
            [[fallthrough]];
        case Section::done:
            return false;
    }
    return false;
}

Result<void> write_records(const ImagePtr& image, const RecordSink& sink) {
    ImageWriter writer(image);
    while (true) {
        TRY(const bool more, writer.next(sink));
        if (!more) return {};
    }
}

int16_t record_version(const MetadataRecord& record, int16_t metadata_version) {
    if (std::holds_alternative<protocol::RegisterBrokerRecord>(record))
        return register_broker_record_version(metadata_version);
    if (std::holds_alternative<protocol::PartitionRecord>(record) ||
        std::holds_alternative<protocol::PartitionChangeRecord>(record))
        return partition_record_version(metadata_version);
    if (const auto* change = std::get_if<protocol::BrokerRegistrationChangeRecord>(&record)) {
        if (change->cordoned_log_dirs) return 3;
        if (!change->log_dirs.empty()) return 2;
        return change->in_controlled_shutdown != 0 ? 1 : 0;
    }
    return 0;
}

int16_t metadata_version(const Image& image) {
    const int16_t level = image.feature_level(kMetadataVersion);
    return level == 0 ? kMetadataVersionLatest : level;
}

}  // namespace millrace::metadata
