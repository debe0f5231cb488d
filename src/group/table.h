// All groups of one partition of __consumer_offsets, and what every part of the machine needs to
// work on them.
//
// Durable state changes only through GroupMachine::apply(). The rest (who waits in a join,
// sessions) changes as requests come and is rebuilt by the clients when the coordinator moves.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "base/random.h"
#include "group/classic_group.h"
#include "group/cluster_view.h"
#include "group/consumer_group.h"
#include "group/group_config.h"
#include "group/offset_store.h"
#include "group/types.h"

namespace millrace::group {

// A group of a type that is not served: a share or a streams group that Apache Kafka has left here.
// Its id is taken and its records and offsets are kept; who was in it is not known.
struct ForeignGroup {
    std::string_view type;  // as ListGroups says it
};

using Group = std::variant<ClassicGroup, ConsumerGroup, ForeignGroup>;

struct GroupTable {
    GroupTable(const GroupConfig& c, Rng& r) : config(c), rng(r) {}

    const GroupConfig& config;
    Rng& rng;
    std::shared_ptr<const ClusterView> cluster;
    std::map<std::string, Group, std::less<>> groups;
    // A group that has offsets and is not in `groups` is a simple one: nobody joins it, its offsets
    // are just kept.
    OffsetStore offsets;
    Timers timers;

    ClassicGroup* classic(std::string_view id) {
        auto at = groups.find(id);
        return at == groups.end() ? nullptr : std::get_if<ClassicGroup>(&at->second);
    }
    ConsumerGroup* consumer(std::string_view id) {
        auto at = groups.find(id);
        return at == groups.end() ? nullptr : std::get_if<ConsumerGroup>(&at->second);
    }
    const ForeignGroup* foreign(std::string_view id) const {
        auto at = groups.find(id);
        return at == groups.end() ? nullptr : std::get_if<ForeignGroup>(&at->second);
    }
    // Of the group itself, not of its offsets.
    bool exists(std::string_view id) const { return groups.contains(id); }
    void cancel_timers(std::string_view group_id) {
        Timer first{std::string{group_id}, {}, {}};
        timers.cancel_from(first, [&](const Timer& timer) { return timer.group != group_id; });
    }
};

}  // namespace millrace::group
