#include "base/log_limit.h"

namespace millrace {

std::optional<uint64_t> LogLimit::admit(std::string_view name, Duration now) {
    if (const auto known = by_name_.find(name); known != by_name_.end()) {
        Entry& entry = *known->second;
        if (now - entry.period_began < options_.period) {
            if (entry.lines < options_.lines_max) {
                ++entry.lines;
                return 0;
            }
            ++entry.left_out;
            return std::nullopt;
        }
        by_age_.splice(by_age_.end(), by_age_, known->second);
        entry.period_began = now;
        entry.lines = 1;
        return std::exchange(entry.left_out, 0);
    }
    if (by_age_.size() >= options_.names_max && !by_age_.empty()) {
        by_name_.erase(by_age_.front().name);
        by_age_.pop_front();
    }
    by_age_.push_back({std::string(name), now});
    by_name_.emplace(by_age_.back().name, std::prev(by_age_.end()));
    return 0;
}

std::string LogLimit::told(uint64_t left_out) {
    return left_out == 0 ? "" : fmt::format(" (and {} more like this)", left_out);
}

std::string_view host_of(std::string_view peer) {
    return peer.substr(0, peer.rfind(':'));
}

}  // namespace millrace
