// Who uses the logs of a LogManager, for tests that let it close idle ones: a log is held while it
// is worked with, and opened again by who comes next.
#pragma once

#include <set>

#include "storage/log_manager.h"

namespace millrace::sim {

class LogUsers {
public:
    explicit LogUsers(storage::LogManager& logs) : logs_(logs) {
        logs.set_holder([this](const TopicPartition& name) {
            if (held_.contains(name)) return false;
            ++closed_;
            return true;
        });
    }
    LogUsers(const LogUsers&) = delete;

    class Use {
    public:
        Use(LogUsers& users, const TopicPartition& name)
            : users_(users), at_(users.held_.insert(name)) {}
        ~Use() { users_.held_.erase(at_); }
        Use(const Use&) = delete;
        // To be asked again after each wait that does not hold it.
        runtime::Task<Result<storage::Log*>> log(TimestampMs now) {
            co_return co_await users_.logs_.open(*at_, now);
        }

    private:
        LogUsers& users_;
        std::multiset<TopicPartition>::iterator at_;
    };

    // How often one was closed.
    uint64_t closed() const { return closed_; }

private:
    storage::LogManager& logs_;
    std::multiset<TopicPartition> held_;
    uint64_t closed_ = 0;
};

// Some virtual time between two steps of a workload; with `chance` up to `longer` instead, in which
// idle logs are closed.
inline runtime::Task<void> pause(runtime::Loop& loop, uint64_t up_to_ms, double chance,
                                 uint64_t longer_ms) {
    const uint64_t most = loop.rng().chance(chance) ? longer_ms : up_to_ms;
    co_await loop.sleep_for(std::chrono::milliseconds{loop.rng().below(most)});
}

}  // namespace millrace::sim
