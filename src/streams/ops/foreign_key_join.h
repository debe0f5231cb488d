// The nodes of a join of two tables by a foreign key that the left one's values carry.
//
//   left changes -> send -> (topic) -> receive -> answer -> (topic) -> resolve -> results
//                             right changes -> answer_all ----^
//
// Kafka: SubscriptionSendProcessorSupplier and its kin.
#pragma once

#include "streams/ops/foreign_key.h"
#include "streams/ops/table.h"

namespace millrace::streams::ops {

// What all nodes know of the join.
struct ForeignKeyJoin {
    std::string name;   // for messages
    std::string store;  // of the subscriptions
    bool left_join = false;
    bool left_versioned = false;
    bool right_versioned = false;
    KeyMapper extractor;  // of the left key and value
    ValueJoiner joiner;   // (left key, left, right)
    const Type* left_key;
    const Type* left_value;
    const Type* right_key;
    const Type* right_value;
    SerdePtr left_key_serde;
    SerdePtr left_value_serde;
    SerdePtr right_key_serde;
    SerdePtr right_value_serde;
    std::shared_ptr<const dsl::TableView> left;
    std::shared_ptr<const dsl::TableView> right;
};
using ForeignKeyJoinPtr = std::shared_ptr<const ForeignKeyJoin>;

// An answer on its way to the partition that asked.
struct Answer {
    Bytes response;
    PartitionIndex partition = 0;
};
SerdePtr answer_serde();
StreamPartitioner answer_partitioner();

// Changes of the left table -> subscriptions (bytes) by foreign key, which may be null.
NodeSupplier send_subscriptions(ForeignKeyJoinPtr join);
// Keeps subscriptions, and forwards each as a Subscription.
NodeSupplier receive_subscriptions(ForeignKeyJoinPtr join);
// Subscriptions -> Answers by left key.
NodeSupplier answer_subscriptions(ForeignKeyJoinPtr join);
// Changes of the right table -> Answers to all who subscribed.
NodeSupplier answer_all_subscriptions(ForeignKeyJoinPtr join);
// Responses (bytes) by left key -> results.
NodeSupplier resolve_responses(ForeignKeyJoinPtr join);

}  // namespace millrace::streams::ops
