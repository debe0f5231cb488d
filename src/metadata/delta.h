// What changed between one image and the next, for those who must act on it (make logs, take up
// leadership, drop caches).
#pragma once

#include <set>
#include <vector>

#include "metadata/image.h"

namespace millrace::metadata {

struct TopicChange {
    TopicPtr before;  // null: created
    TopicPtr after;   // null: deleted
};

struct Delta {
    std::vector<TopicChange> topics;  // created, deleted or changed; each topic id once
    std::set<ConfigResource> configs;
    bool brokers = false;
    bool controllers = false;
    bool features = false;
    bool acls = false;
    bool scram = false;
    bool delegation_tokens = false;
    bool quotas = false;
    bool producer_ids = false;

    bool empty() const {
        return topics.empty() && configs.empty() && !brokers && !controllers && !features &&
               !acls && !scram && !delegation_tokens && !quotas && !producer_ids;
    }
};

}  // namespace millrace::metadata
