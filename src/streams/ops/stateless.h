// Operations on one record at a time.
#pragma once

#include <string>
#include <vector>

#include "streams/core/functions.h"
#include "streams/core/node.h"

namespace millrace::streams::ops {

// Forwards the records of which the predicate holds (with `negate`: does not).
NodeSupplier filter(Predicate predicate, bool negate);
NodeSupplier select_key(KeyMapper mapper);
NodeSupplier map(KeyValueMapper mapper);
NodeSupplier map_values(ValueMapper mapper);
NodeSupplier flat_map(FlatKeyValueMapper mapper);
NodeSupplier flat_map_values(FlatValueMapper mapper);
NodeSupplier peek(ForeachAction action);
NodeSupplier foreach (ForeachAction action);
NodeSupplier pass_through();
// To the child of the first predicate that holds, else nowhere. The list may grow until the first
// node is made.
NodeSupplier branch(std::shared_ptr<const std::vector<std::pair<Predicate, std::string>>> branches);

}  // namespace millrace::streams::ops
