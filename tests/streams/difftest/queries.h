// What `query` and `dump` steps ask of the stores.
#pragma once

#include "json.h"
#include "streams/test_driver.h"

namespace millrace::difftest {

// Of one store. Throws what asking throws.
Json answer_of(streams::TopologyTestDriver& driver, const Json& query);

// All stores by name: kind, retention, and the entries sorted by key, start and end.
Json dump_of(streams::TopologyTestDriver& driver);

// Entries of a dump, in the order in which dumps have them.
void sort_rows(Json::List& rows);

}  // namespace millrace::difftest
