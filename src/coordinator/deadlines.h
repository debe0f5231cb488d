// Timers of a pure state machine: keys with the time each falls due. Time comes in as a number,
// nothing here waits.
//
// Equal times fall due in the order in which they were set.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

namespace millrace::coordinator {

// Times are milliseconds of a clock that only moves forward.
template <typename Key>
class Deadlines {
public:
    // Replaces the key's earlier time, if any.
    void set(const Key& key, int64_t at_ms) {
        auto [entry, added] = times_.try_emplace(key, Time{at_ms, next_order_});
        if (!added) {
            queue_.erase({entry->second.at_ms, entry->second.order, &entry->first});
            entry->second = {at_ms, next_order_};
        }
        queue_.emplace(at_ms, next_order_++, &entry->first);
    }

    void cancel(const Key& key) {
        auto entry = times_.find(key);
        if (entry == times_.end()) return;
        queue_.erase({entry->second.at_ms, entry->second.order, &entry->first});
        times_.erase(entry);
    }

    // The keys in [from, to) of the key order, for timers that end together.
    template <typename Ends>
    void cancel_from(const Key& from, Ends&& ends) {
        auto entry = times_.lower_bound(from);
        while (entry != times_.end() && !ends(entry->first)) {
            queue_.erase({entry->second.at_ms, entry->second.order, &entry->first});
            entry = times_.erase(entry);
        }
    }

    std::optional<int64_t> get(const Key& key) const {
        auto entry = times_.find(key);
        if (entry == times_.end()) return std::nullopt;
        return entry->second.at_ms;
    }

    std::optional<int64_t> next() const {
        if (queue_.empty()) return std::nullopt;
        return std::get<0>(*queue_.begin());
    }

    // Removes and returns what is due at `now_ms`, earliest first.
    std::vector<Key> take_due(int64_t now_ms) {
        std::vector<Key> due;
        while (!queue_.empty() && std::get<0>(*queue_.begin()) <= now_ms) {
            due.push_back(*std::get<2>(*queue_.begin()));
            cancel(due.back());
        }
        return due;
    }

    size_t size() const { return times_.size(); }

private:
    struct Time {
        int64_t at_ms;
        uint64_t order;
    };
    std::map<Key, Time> times_;
    std::set<std::tuple<int64_t, uint64_t, const Key*>> queue_;
    uint64_t next_order_ = 0;
};

}  // namespace millrace::coordinator
