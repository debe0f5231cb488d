#include "client/address.h"

#include <fmt/format.h>

#include <charconv>

#include "config/text.h"

namespace millrace::client {

std::string Address::text() const {
    if (host.contains(':')) return fmt::format("[{}]:{}", host, port);
    return fmt::format("{}:{}", host, port);
}

Result<Address> parse_address(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::invalid_config,
                    fmt::format("'{}' is not an address of a broker: {}", text, why));
    };
    const size_t colon = text.rfind(':');
    if (colon == text.npos) return refuse("it must be host:port, e.g. localhost:9092");
    std::string_view host = text.substr(0, colon);
    const std::string_view number = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.contains(':')) {
        return refuse("an IPv6 host needs brackets, e.g. [::1]:9092");
    }
    if (host.empty()) return refuse("the host is missing");
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(number.begin(), number.end(), port);
    if (error != std::errc{} || end != number.end() || port == 0)
        return refuse("the port must be a number from 1 to 65535");
    return Address{std::string(host), port};
}

Result<std::vector<Address>> parse_bootstrap_servers(std::string_view text) {
    std::vector<Address> out;
    for (size_t at = 0; at <= text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        const std::string_view part = config::trim(text.substr(at, comma - at));
        at = comma + 1;
        if (part.empty()) continue;
        TRY(Address address, parse_address(part));
        out.push_back(std::move(address));
    }
    if (out.empty())
        return fail(ErrorCode::invalid_config,
                    "bootstrap.servers names no broker; it must be host:port[,host:port...]");
    return out;
}

}  // namespace millrace::client
