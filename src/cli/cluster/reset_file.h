// CSV files that say where groups are to go on, as kafka-consumer-groups writes and reads them. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace millrace::cli {

using ResetPlans = std::map<std::string, std::map<TopicPartition, Offset>>;

// Lines "group,topic,partition,offset"; without the group they are `only_group`'s ("": such lines
// are passed over). Blanks around fields, quotes and empty lines do not matter; a line whose numbers
// are none is passed over, as Kafka does. invalid_request: another number of fields.
Result<ResetPlans> parse_reset_file(std::string_view text, std::string_view only_group);

}  // namespace millrace::cli
