// `millrace consume --share`: the records that a share group gives this member, printed and
// acknowledged.
#pragma once

#include <string>
#include <vector>

#include "cli/output/console.h"
#include "cli/record_print.h"
#include "client/share_consumer.h"

namespace millrace::cli {

struct ShareReading {
    std::vector<std::string> topics;
    int64_t count = -1;  // records; -1: no limit
    bool exit = false;   // when nothing came for a while
    client::AcknowledgeType acknowledge = client::AcknowledgeType::accept;
};

// "accept", "release", "reject". invalid_request.
Result<client::AcknowledgeType> parse_acknowledge(std::string_view text);

// Until the count is reached, or SIGINT or SIGTERM. A record is acknowledged once it was written;
// what came beyond the count goes back to the group. `config` is of the explicit mode.
Result<void> consume_share(const Console& console, const ShareReading& reading,
                           client::ShareConsumerConfig config, RecordPrint print);

}  // namespace millrace::cli
