// The state directory of a simulated instance, which outlives its process.
//
// What a process wrote and did not flush may be lost when it is killed: everything since some
// moment between two writes, of all stores of a task together. What is written atomically is lost
// or kept as a whole.
#pragma once

#include <map>
#include <string>

#include "base/random.h"
#include "streams/state/state_directory.h"

namespace millrace::sim {

class SimState final : public streams::StateDirectory {
public:
    using TaskId = streams::TaskId;

    SimState(std::string process, uint64_t seed) : process_(std::move(process)), rng_(seed) {}

    // The process is gone.
    void crash() {
        for (auto& [id, task] : tasks_) task.now = task.kept;
    }

    Result<std::string> claim(const runtime::Context&) override { return process_; }
    std::unique_ptr<streams::TaskState> open_task(const TaskId& task) override {
        return std::make_unique<State>(tasks_[task.to_string()], rng_);
    }
    std::unique_ptr<streams::TaskState> open_global() override {
        return std::make_unique<State>(tasks_["global"], rng_);
    }
    std::vector<TaskId> tasks() const override { return {}; }
    void remove(const TaskId& task) override { tasks_.erase(task.to_string()); }
    void remove_global() override { tasks_.erase("global"); }

private:
    using Map = std::map<std::string, std::string, std::less<>>;
    struct Content {
        std::map<std::string, Map> stores;
        std::map<std::string, Offset> positions;
    };
    struct Task {
        Content now;
        Content kept;  // after a crash
        bool in_batch = false;
    };

    // A store's bytes: in memory while the task lives, and written through to what outlives it.
    class Kept final : public streams::OrderedBytes {
    public:
        Kept(Task& task, Map& map, Rng& rng)
            : task_(task), map_(map), rng_(rng), bytes_(streams::make_memory_bytes()) {
            for (const auto& [key, value] : map_) bytes_->put(key, value);
        }
        streams::NullableBytes get(streams::BytesView key) override { return bytes_->get(key); }
        void put(streams::BytesView key, streams::BytesView value) override {
            bytes_->put(key, value);
            map_.insert_or_assign(std::string(key), std::string(value));
            written();
        }
        void erase(streams::BytesView key) override {
            bytes_->erase(key);
            map_.erase(std::string(key));
            written();
        }
        std::unique_ptr<streams::BytesIterator> range(streams::BytesView from,
                                                      streams::NullableView to,
                                                      bool backward) override {
            return bytes_->range(from, to, backward);
        }
        void erase_range(streams::BytesView from, streams::BytesView to) override {
            bytes_->erase_range(from, to);
            if (from < to) map_.erase(map_.lower_bound(from), map_.lower_bound(to));
            written();
        }
        int64_t approximate_entries() override { return bytes_->approximate_entries(); }

    private:
        void written() {
            if (!task_.in_batch && rng_.chance(0.05)) task_.kept = task_.now;
        }
        Task& task_;
        Map& map_;
        Rng& rng_;
        std::unique_ptr<streams::OrderedBytes> bytes_;
    };

    class State final : public streams::TaskState {
    public:
        State(Task& task, Rng& rng) : task_(task), rng_(rng) {}
        std::unique_ptr<streams::OrderedBytes> open(const streams::StoreSpec& spec) override {
            if (!spec.persistent) return streams::make_memory_bytes();
            return std::make_unique<Kept>(task_, task_.now.stores[spec.name], rng_);
        }
        std::optional<Offset> position(const std::string& store) const override {
            const auto found = task_.now.positions.find(store);
            return found == task_.now.positions.end() ? std::nullopt : std::optional(found->second);
        }
        void set_position(const std::string& store, Offset next) override {
            task_.now.positions[store] = next;
        }
        void atomically(const std::function<void()>& work) override {
            task_.in_batch = true;
            work();
            task_.in_batch = false;
            if (rng_.chance(0.3)) flush();
        }
        void wipe(const std::string& store) override {
            task_.now.stores.erase(store);
            task_.now.positions.erase(store);
        }
        void flush() override { task_.kept = task_.now; }

    private:
        Task& task_;
        Rng& rng_;
    };

    const std::string process_;
    Rng rng_;
    std::map<std::string, Task> tasks_;
};

}  // namespace millrace::sim
