// A group changes its protocol while members stay (KIP-848, group.consumer.migration.policy).
//
//   upgrade     the first member of the consumer protocol joins a classic group: the others stay in
//               it with the classic protocol
//   downgrade   the last member of the consumer protocol leaves: the group is a classic one again,
//               and rebalances
//
// Both are one batch of records: tombstones of the old group, records of the new one. Nothing
// changes before it is committed.
#pragma once

#include "base/result.h"
#include "group/consumer_records.h"
#include "group/table.h"

namespace millrace::group {

class ClassicProtocol;

// The group that takes the classic one's place, with its members; the records of both go to
// `effects`. Those who wait in the classic group are told to join again once it is committed.
// Errors: group_id_not_found when the policy or the members' protocols do not allow it.
Result<ConsumerGroup> upgrade(const ClassicGroup& classic, GroupTable& table, Now now,
                              Effects& effects);

// After a removal of members: when only classic ones are left and the policy allows it, adds the
// records of the classic group and is true.
bool downgrade_if_due(GroupChange& change, GroupTable& table, Now now, Effects& effects);

}  // namespace millrace::group
