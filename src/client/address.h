// Where a broker listens, and the list of such addresses that a client begins with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::client {

struct Address {
    std::string host;
    uint16_t port = 0;

    // "host:port", an IPv6 host in brackets.
    std::string text() const;
    friend bool operator==(const Address&, const Address&) = default;
};

// "host:port"; a numeric IPv6 host in brackets. invalid_config.
Result<Address> parse_address(std::string_view text);
// bootstrap.servers: one or more, separated by commas; blanks around them do not matter.
// invalid_config, naming the part that is none.
Result<std::vector<Address>> parse_bootstrap_servers(std::string_view text);

}  // namespace millrace::client
