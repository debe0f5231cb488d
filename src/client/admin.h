// What an administrator asks of a cluster: each operation as one call, however many requests and
// brokers it takes. Names are owned: nothing borrows from an answer.
//
//   Admin admin{cluster};
//   CO_TRY(auto topics, co_await admin.list_topics());
//
// Every call ends within default.api.timeout.ms, with deadline_exceeded when the cluster could not
// be asked. What the cluster says of one topic, group ... is the `error` beside it (none: well);
// the call's own error means that nobody knows.
// Owner: whoever made the Cluster, which must live longer. Loop: the Cluster's.
// Kafka: Admin.
#pragma once

#include "client/admin/acls.h"
#include "client/admin/brokers.h"
#include "client/admin/configs.h"
#include "client/admin/groups.h"
#include "client/admin/log_dirs.h"
#include "client/admin/offsets.h"
#include "client/admin/outcome.h"
#include "client/admin/quorum.h"
#include "client/admin/quotas.h"
#include "client/admin/reassignments.h"
#include "client/admin/scram_users.h"
#include "client/admin/tokens.h"
#include "client/admin/topics.h"
#include "client/admin/transactions.h"
#include "client/cluster.h"
#include "client/offset_times.h"

namespace millrace::client {

enum class ElectionType : int8_t { preferred = 0, unclean = 1 };

class Admin {
public:
    explicit Admin(Cluster& cluster) : cluster_(cluster) {}
    Cluster& cluster() const { return cluster_; }

    // Topics (admin/topics.cc)
    runtime::Task<Result<std::vector<TopicListing>>> list_topics();
    // In the order of `names`; those that do not exist say so in `error`.
    runtime::Task<Result<std::vector<TopicDescription>>> describe_topics(
        std::vector<std::string> names);
    runtime::Task<Result<std::vector<Outcome>>> create_topics(std::vector<NewTopic> topics,
                                                              bool validate_only = false);
    runtime::Task<Result<std::vector<Outcome>>> create_partitions(std::vector<NewPartitions> topics,
                                                                  bool validate_only = false);
    runtime::Task<Result<std::vector<Outcome>>> delete_topics(std::vector<std::string> names);

    // Configurations (admin/configs.cc). Those of a broker come from that broker.
    runtime::Task<Result<std::vector<ResourceConfigs>>> describe_configs(
        std::vector<Resource> resources, bool synonyms = false);
    runtime::Task<Result<Outcome>> alter_configs(Resource resource,
                                                 std::vector<ConfigChange> changes,
                                                 bool validate_only = false);

    // The names of all resources of a type that have configurations.
    runtime::Task<Result<std::vector<std::string>>> list_config_resources(ResourceType type);

    // Quotas (admin/quotas.cc)
    runtime::Task<Result<std::vector<Quotas>>> describe_quotas(QuotaFilter filter);
    runtime::Task<Result<void>> alter_quotas(QuotaEntity entity, std::vector<QuotaChange> changes,
                                             bool validate_only = false);

    // Groups (admin/groups.cc)
    // `states` and `types` choose; empty: all. A broker that cannot be asked fails the call.
    runtime::Task<Result<std::vector<GroupListing>>> list_groups(
        std::vector<std::string> states = {}, std::vector<std::string> types = {});
    // In the order of `ids`. A group that does not exist is Dead, or has an error, as the brokers
    // say.
    runtime::Task<Result<std::vector<GroupDescription>>> describe_groups(
        std::vector<std::string> ids);
    runtime::Task<Result<GroupOffsets>> committed_offsets(std::string group);
    runtime::Task<Result<std::vector<Outcome>>> delete_groups(std::vector<std::string> ids);
    // What became of each partition.
    runtime::Task<Result<std::map<TopicPartition, Error>>> commit_offsets(
        std::string group, std::map<TopicPartition, Offset> offsets);
    runtime::Task<Result<std::map<TopicPartition, Error>>> delete_offsets(
        std::string group, std::vector<TopicPartition> partitions);

    // Offsets and records (admin/offsets.cc)
    // For each partition the offset of a time, or one of the special times.
    runtime::Task<Result<std::map<TopicPartition, FoundOffset>>> list_offsets(
        std::map<TopicPartition, TimestampMs> times, bool committed_only = false);
    // Below each offset; -1: all that there are.
    runtime::Task<Result<std::map<TopicPartition, DeletedRecords>>> delete_records(
        std::map<TopicPartition, Offset> before);
    // Of these brokers; empty: of all.
    runtime::Task<Result<std::vector<BrokerDirectories>>> describe_log_dirs(
        std::vector<NodeId> brokers, std::optional<std::vector<TopicPartition>> only = {});

    // Transactions (admin/transactions.cc)
    runtime::Task<Result<std::vector<TransactionListing>>> list_transactions(
        int64_t running_ms_min = -1, std::string id_pattern = {},
        std::vector<ProducerId> producers = {});  // only of these; empty: of all
    runtime::Task<Result<TransactionDescription>> describe_transaction(std::string id);
    // Who writes to a partition, as its leader knows it.
    runtime::Task<Result<std::vector<ActiveProducer>>> describe_producers(TopicPartition partition);
    // Of many; with `broker`, as that replica knows it.
    runtime::Task<Result<std::map<TopicPartition, PartitionProducers>>> describe_producers(
        std::vector<TopicPartition> partitions, std::optional<NodeId> broker = {});
    // Writes the marker of an abort past the coordinator: for transactions that it has forgotten.
    runtime::Task<Result<void>> abort_transaction(AbortedTransaction which);
    // Aborts what is open under an id, and fences its producers.
    runtime::Task<Result<void>> force_terminate_transaction(std::string id);

    // What became of each partition; nothing: of all partitions whose leader was to change.
    runtime::Task<Result<std::map<TopicPartition, Error>>> elect_leaders(
        ElectionType type, std::optional<std::vector<TopicPartition>> partitions);

    // The cluster (admin/cluster.cc)
    runtime::Task<Result<ClusterDescription>> describe_cluster(bool fenced_too = false);

    // Access (admin/acls.cc)
    runtime::Task<Result<std::vector<Acl>>> describe_acls(AclFilter filter);
    // What became of each, in order.
    runtime::Task<Result<std::vector<Error>>> create_acls(std::vector<Acl> acls);
    runtime::Task<Result<std::vector<DeletedAcls>>> delete_acls(std::vector<AclFilter> filters);

    // Users with a SCRAM password (admin/scram_users.cc); no names: all. In one call a user may be
    // changed once.
    runtime::Task<Result<std::vector<ScramUser>>> describe_scram_users(
        std::vector<std::string> names = {});
    runtime::Task<Result<std::vector<Outcome>>> alter_scram_users(
        std::vector<ScramUpsertion> upsertions, std::vector<ScramDeletion> deletions);

    // Delegation tokens (admin/tokens.cc). Brokers give them out to users who have logged in.
    runtime::Task<Result<DelegationToken>> create_token(NewToken token);
    // The time at which it ends now. A negative period: renew as long as is allowed, expire now.
    runtime::Task<Result<TimestampMs>> renew_token(std::string hmac, int64_t period_ms = -1);
    runtime::Task<Result<TimestampMs>> expire_token(std::string hmac, int64_t period_ms = -1);
    // Of these owners; none: of all whom the caller may see.
    runtime::Task<Result<std::vector<DelegationToken>>> describe_tokens(
        std::vector<Principal> owners = {});

    // Where replicas are (admin/reassignments.cc)
    runtime::Task<Result<std::map<TopicPartition, Error>>> alter_reassignments(
        std::map<TopicPartition, NewReplicas> wanted, bool replication_may_change = true);
    // Those under way, of these partitions or of all.
    runtime::Task<Result<std::map<TopicPartition, Reassignment>>> list_reassignments(
        std::optional<std::vector<TopicPartition>> only = {});
    // Into another directory of the same broker; a broker that does not have the replica yet will
    // begin it there, and says replica_not_available.
    runtime::Task<Result<std::map<Replica, Error>>> alter_log_dirs(
        std::map<Replica, std::string> directories);

    // The metadata quorum and the cluster as a whole (admin/quorum.cc)
    runtime::Task<Result<QuorumDescription>> describe_quorum();
    runtime::Task<Result<void>> add_voter(NewVoter voter);
    runtime::Task<Result<void>> remove_voter(NodeId id, Uuid directory);
    runtime::Task<Result<void>> unregister_broker(NodeId id);
    runtime::Task<Result<FeaturesDescription>> describe_features();
    runtime::Task<Result<std::vector<Outcome>>> update_features(std::vector<FeatureChange> changes,
                                                                bool validate_only = false);

private:
    runtime::TimePoint deadline() const {
        return cluster_.after(cluster_.config().default_api_timeout);
    }
    // Calls the coordinator of a group or transactional id, again while it moves or loads. `code_of(body)` gives the
    // error number of the whole answer.
    template <typename Request, typename CodeOf>
    runtime::Task<Result<Reply<typename Request::Response>>> call_coordinator(
        CoordinatorType type, const std::string& group, const Request& request, CodeOf code_of,
        int16_t at_most) {
        const auto until = deadline();
        CO_TRY_OK(co_await know_brokers(until));
        for (int failures = 0;; ++failures) {
            CO_TRY(const NodeId node, co_await cluster_.coordinator(type, group, until));
            auto reply = co_await cluster_.call(node, request, until, at_most);
            Error last{ErrorCode::none, {}};
            if (!reply)
                last = reply.error();
            else
                last = said_error(code_of(reply->body));
            const bool again =
                reply ? moved_or_loading(last.code) : Cluster::network_error(last.code);
            if (!again) co_return std::move(reply);
            cluster_.forget_coordinator(type, group);
            CO_TRY_OK(co_await cluster_.pause(failures, until, last));
        }
    }
    static bool moved_or_loading(ErrorCode code) {
        return code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available ||
               code == ErrorCode::coordinator_load_in_progress;
    }
    // Until the metadata names brokers.
    runtime::Task<Result<void>> know_brokers(runtime::TimePoint until);
    runtime::Task<Result<GroupDescription>> describe_consumer_group(std::string id);
    runtime::Task<Result<GroupDescription>> describe_classic_group(std::string id);
    // Who leads each of these partitions now, or why nobody does.
    struct Leaders {
        std::map<NodeId, std::vector<TopicPartition>> by_node;
        std::map<TopicPartition, Error> refused;
    };
    runtime::Task<Result<Leaders>> leaders_of(std::vector<TopicPartition> partitions,
                                              runtime::TimePoint until);
    runtime::Task<Result<std::vector<TopicDescription>>> describe_by_metadata(
        std::vector<std::string> names, runtime::TimePoint deadline);

    Cluster& cluster_;
};

}  // namespace millrace::client
