#include "streams/state/disk_state.h"

#include <charconv>

namespace millrace::streams {
namespace {

std::optional<TaskId> parse_task(const std::string& name) {
    TaskId id;
    const char* const end = name.data() + name.size();
    auto [at, error] = std::from_chars(name.data(), end, id.subtopology);
    if (error != std::errc() || at == end || *at != '_') return std::nullopt;
    const auto [last, second] = std::from_chars(at + 1, end, id.partition);
    if (second != std::errc() || last != end) return std::nullopt;
    return id;
}

// A task without stores on disk opens no database.
class DiskTask final : public TaskState {
public:
    DiskTask(std::filesystem::path directory, const StateMemory& memory)
        : directory_(std::move(directory)), memory_(memory) {}

    std::unique_ptr<OrderedBytes> open(const StoreSpec& spec) override {
        return spec.persistent ? database().open_store(spec.name) : make_memory_bytes();
    }
    std::optional<Offset> position(const std::string& store) const override {
        return database_ ? database_->position(store) : std::nullopt;
    }
    void set_position(const std::string& store, Offset next) override {
        if (database_) database_->set_position(store, next);
    }
    void wipe(const std::string& store) override {
        if (database_) database_->wipe(store);
    }
    void flush() override {
        if (database_) database_->flush();
    }

private:
    TaskDatabase& database() {
        if (!database_) database_.emplace(directory_ / "rocksdb", memory_);
        return *database_;
    }

    std::filesystem::path directory_;
    const StateMemory& memory_;
    std::optional<TaskDatabase> database_;
};

class DiskState final : public StateDirectory {
public:
    DiskState(std::filesystem::path root, size_t memory_bytes)
        : root_(std::move(root)), memory_(memory_bytes) {}

    std::unique_ptr<TaskState> open_task(const TaskId& task) override {
        return std::make_unique<DiskTask>(root_ / task.to_string(), memory_);
    }
    std::vector<TaskId> tasks() const override {
        std::vector<TaskId> found;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(root_, none))
            if (const auto id = parse_task(entry.path().filename().string())) found.push_back(*id);
        return found;
    }
    void remove(const TaskId& task) override {
        std::error_code error;
        std::filesystem::remove_all(root_ / task.to_string(), error);
    }

private:
    std::filesystem::path root_;
    StateMemory memory_;
};

class MemoryTask final : public TaskState {
public:
    std::unique_ptr<OrderedBytes> open(const StoreSpec&) override { return make_memory_bytes(); }
    std::optional<Offset> position(const std::string&) const override { return std::nullopt; }
    void set_position(const std::string&, Offset) override {}
    void wipe(const std::string&) override {}
    void flush() override {}
};

class MemoryState final : public StateDirectory {
public:
    std::unique_ptr<TaskState> open_task(const TaskId&) override {
        return std::make_unique<MemoryTask>();
    }
    std::vector<TaskId> tasks() const override { return {}; }
    void remove(const TaskId&) override {}
};

}  // namespace

std::unique_ptr<StateDirectory> make_disk_state(std::filesystem::path root, size_t memory_bytes) {
    return std::make_unique<DiskState>(std::move(root), memory_bytes);
}

std::unique_ptr<StateDirectory> make_memory_state() {
    return std::make_unique<MemoryState>();
}

}  // namespace millrace::streams
