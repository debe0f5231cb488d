// Queries that a case puts to a store as Kafka's query objects (streams/query.h).
#pragma once

#include "json.h"
#include "streams/query.h"

namespace millrace::difftest {

// Absent: it is no such query.
std::optional<Json> state_query_answer(streams::StateStore& store, const Json& query);

}  // namespace millrace::difftest
