#include "streams/state/disk_state.h"

#include <charconv>
#include <mutex>

#include "base/uuid.h"

namespace millrace::streams {
namespace {

constexpr std::string_view kGlobal = "global";

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
    void begin_load(const std::string& store) override { database().begin_load(store); }
    void end_load(const std::string& store) override { database().end_load(store); }
    std::optional<Offset> position(const std::string& store) const override {
        return database_ ? database_->position(store) : std::nullopt;
    }
    void set_position(const std::string& store, Offset next) override {
        if (database_) database_->set_position(store, next);
    }
    void atomically(const std::function<void()>& work) override {
        database_ ? database_->atomically(work) : work();
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

    Result<std::string> claim(const runtime::Context& context) override {
        const std::scoped_lock lock(mutex_);
        if (!lock_) {
            TRY_OK(context.disk.make_directories(root_.string()));
            TRY(lock_, context.disk.lock((root_ / ".lock").string()));
            TRY(process_id_, read_process_id(context));
        }
        return process_id_;
    }
    std::unique_ptr<TaskState> open_task(const TaskId& task) override {
        return std::make_unique<DiskTask>(root_ / task.to_string(), memory_);
    }
    std::unique_ptr<TaskState> open_global() override {
        return std::make_unique<DiskTask>(root_ / kGlobal, memory_);
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
    void remove_global() override {
        std::error_code error;
        std::filesystem::remove_all(root_ / kGlobal, error);
    }

private:
    Result<std::string> read_process_id(const runtime::Context& context) const {
        const std::string path = (root_ / "process.id").string();
        const Result<std::string> text = context.disk.read_file(path);
        const Result<Uuid> known = text ? Uuid::parse(*text) : Result<Uuid>(text.error());
        if (known) return known->to_string();
        const std::string made = Uuid::random(context.loop.rng()).to_string();
        TRY_OK(context.disk.write_file(path, made));
        return made;
    }

    std::filesystem::path root_;
    StateMemory memory_;
    std::mutex mutex_;  // of what follows: threads claim at the same time
    std::shared_ptr<void> lock_;
    std::string process_id_;
};

class MemoryTask final : public TaskState {
public:
    std::unique_ptr<OrderedBytes> open(const StoreSpec&) override { return make_memory_bytes(); }
    std::optional<Offset> position(const std::string&) const override { return std::nullopt; }
    void set_position(const std::string&, Offset) override {}
    void atomically(const std::function<void()>& work) override { work(); }
    void wipe(const std::string&) override {}
    void flush() override {}
};

class MemoryState final : public StateDirectory {
public:
    Result<std::string> claim(const runtime::Context& context) override {
        return Uuid::random(context.loop.rng()).to_string();
    }
    std::unique_ptr<TaskState> open_task(const TaskId&) override {
        return std::make_unique<MemoryTask>();
    }
    std::unique_ptr<TaskState> open_global() override { return std::make_unique<MemoryTask>(); }
    std::vector<TaskId> tasks() const override { return {}; }
    void remove(const TaskId&) override {}
    void remove_global() override {}
};

}  // namespace

std::unique_ptr<StateDirectory> make_disk_state(std::filesystem::path root, size_t memory_bytes) {
    return std::make_unique<DiskState>(std::move(root), memory_bytes);
}

std::unique_ptr<StateDirectory> make_memory_state() {
    return std::make_unique<MemoryState>();
}

}  // namespace millrace::streams
