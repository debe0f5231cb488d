// Keeps a repeated warning about the same peer (or anything with a name) from filling the log: some
// lines a period, the others counted and told with the next line.
//
//   if (const auto left_out = limit_.admit(host, now))
//       LOG_WARN("net", "closing {}: {}{}", peer, why, LogLimit::told(*left_out));
//
// Bounded: beyond `names_max` names the one whose period began longest ago is forgotten.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/units.h"

namespace millrace {

class LogLimit {
public:
    struct Options {
        Duration period = std::chrono::seconds(60);
        uint32_t lines_max = 10;  // of one name in a period; at least 1
        size_t names_max = 1024;
    };

    LogLimit() = default;
    explicit LogLimit(Options options) : options_(options) {}

    // Whether to log now: then, how many were left out since the last line about `name`. `now`
    // counts from any fixed origin and does not go back.
    std::optional<uint64_t> admit(std::string_view name, Duration now);
    // "" or " (and 7 more like this)"
    static std::string told(uint64_t left_out);
    size_t size() const { return by_age_.size(); }

private:
    struct Entry {
        std::string name;
        Duration period_began;
        uint32_t lines = 1;
        uint64_t left_out = 0;
    };
    using Entries = std::list<Entry>;

    Options options_;
    Entries by_age_;  // the one whose period began longest ago first
    std::unordered_map<std::string_view, Entries::iterator> by_name_;
};

// "127.0.0.1:54321" -> "127.0.0.1": a peer's name that does not change with each connection.
std::string_view host_of(std::string_view peer);

}  // namespace millrace
