#include "sim/sim_disk.h"

#include <algorithm>
#include <filesystem>

namespace millrace::sim {

using runtime::DirEntry;
using runtime::File;
using runtime::FileInfo;
using runtime::Loop;
using runtime::OpenMode;
using runtime::Task;

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSector = 512;

std::string normal(const std::string& path) {
    std::string text = std::filesystem::path{"/" + path}.lexically_normal().string();
    if (text.starts_with("//")) text.erase(0, 1);
    if (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

std::string parent_of(const std::string& path) {
    return std::filesystem::path{path}.parent_path().string();
}

// The first name that can be below `directory`, and whether a name is.
std::string below(const std::string& directory) {
    return directory == "/" ? "/" : directory + "/";
}

Error no_such(const std::string& path) {
    return fail(ErrorCode::not_found, path + ": no such file or directory");
}

Error broken(std::string_view call, const std::string& path) {
    return fail(ErrorCode::io_error, fmt::format("{} {}: not possible", call, path));
}

}  // namespace

struct SimDisk::Inode {
    uint64_t id = 0;
    bool is_directory = false;
    std::vector<uint8_t> data;           // as the process sees it
    std::vector<uint8_t> durable;        // as of the last sync
    std::map<uint64_t, uint64_t> dirty;  // page -> when it was written last
    uint64_t writes = 0;
    uint64_t syncs_begun = 0;
    uint64_t last_synced = 0;
    uint64_t reserved = 0;
    TimestampMs modified_ms = 0;

    uint64_t room() const { return std::max<uint64_t>(data.size(), reserved); }
    void touch(uint64_t from, uint64_t to) {
        ++writes;
        for (uint64_t page = from / kPage; page * kPage < to; ++page) dirty[page] = writes;
    }
};

class SimFile final : public File {
public:
    SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Inode> inode, std::string path, bool writable)
        : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), writable_(writable) {}

    Result<void> write_at(uint64_t position, std::span<const ByteView> parts) override;
    Result<size_t> read_at_now(uint64_t position, MutableByteView into) override {
        if (disk_.fault(disk_.faults.cold_chance)) return fail(ErrorCode::would_block);
        return read(position, into);
    }
    Task<Result<size_t>> read_at(uint64_t position, MutableByteView into) override {
        co_await Loop::current().sleep_for(disk_.wait_time(disk_.faults.read_max));
        co_return read(position, into);
    }
    Task<Result<void>> sync() override;
    Result<void> truncate(uint64_t size) override;
    Result<void> reserve(uint64_t size) override {
        TRY_OK(disk_.make_room(*inode_, size, path_));
        inode_->reserved = std::max(inode_->reserved, size);
        return {};
    }
    Result<uint64_t> size() override { return inode_->data.size(); }

private:
    Result<size_t> read(uint64_t position, MutableByteView into);

    SimDisk& disk_;
    const std::shared_ptr<SimDisk::Inode> inode_;
    const std::string path_;
    const bool writable_;
};

Result<void> SimFile::write_at(uint64_t position, std::span<const ByteView> parts) {
    if (!writable_) return broken("write", path_);
    std::vector<uint8_t> bytes;
    for (ByteView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    if (disk_.is_dead(path_)) return disk_.failed("write", path_);
    const bool fails = disk_.fault(disk_.faults.write_error);
    if (fails) bytes.resize(disk_.sim_.rng().below(bytes.size() + 1));
    TRY_OK(disk_.make_room(*inode_, position + bytes.size(), path_));
    disk_.sim_.trace().note(TraceEvent::disk_write, inode_->id ^ (position << 16), ByteView{bytes});
    if (!bytes.empty()) {
        if (inode_->data.size() < position + bytes.size())
            inode_->data.resize(position + bytes.size());
        std::ranges::copy(bytes, inode_->data.begin() + static_cast<ptrdiff_t>(position));
        inode_->touch(position, position + bytes.size());
        inode_->modified_ms = disk_.sim_.wall_ms();
    }
    if (fails) return disk_.failed("write", path_);
    return {};
}

Result<size_t> SimFile::read(uint64_t position, MutableByteView into) {
    if (disk_.is_dead(path_) || disk_.fault(disk_.faults.read_error))
        return disk_.failed("read", path_);
    if (position >= inode_->data.size()) return size_t{0};
    const size_t n = std::min<size_t>(into.size(), inode_->data.size() - position);
    if (n != 0 && disk_.fault(disk_.faults.flip_chance))
        disk_.flip_bit(path_, position + disk_.sim_.rng().below(n),
                       static_cast<unsigned>(disk_.sim_.rng().below(8)));
    std::copy_n(inode_->data.begin() + static_cast<ptrdiff_t>(position), n, into.begin());
    return n;
}

Task<Result<void>> SimFile::sync() {
    // What is dirty now; later writes may or may not be caught, and here they are not.
    std::map<uint64_t, std::pair<uint64_t, std::vector<uint8_t>>> pages;
    const uint64_t size = inode_->data.size();
    const uint64_t number = ++inode_->syncs_begun;
    for (auto [page, written] : inode_->dirty) {
        const auto from =
            inode_->data.begin() + static_cast<ptrdiff_t>(std::min(size, page * kPage));
        const auto to =
            inode_->data.begin() + static_cast<ptrdiff_t>(std::min(size, (page + 1) * kPage));
        pages[page] = {written, {from, to}};
    }
    co_await Loop::current().sleep_for(disk_.wait_time(disk_.faults.sync_max));
    const bool fails = disk_.is_dead(path_) || disk_.fault(disk_.faults.sync_error);
    disk_.sim_.trace().note(TraceEvent::disk_sync, inode_->id, size);
    // A sync that began later and ended first had all of this one's pages.
    if (!fails && number < inode_->last_synced) co_return {};
    if (!fails) {
        inode_->last_synced = number;
        inode_->durable.resize(size);
    }
    for (const auto& [page, content] : pages) {
        const auto dirty = inode_->dirty.find(page);
        if (dirty != inode_->dirty.end() && dirty->second == content.first)
            inode_->dirty.erase(dirty);
        if (fails || content.second.empty()) continue;
        std::ranges::copy(content.second,
                          inode_->durable.begin() + static_cast<ptrdiff_t>(page * kPage));
    }
    if (fails) co_return disk_.failed("fdatasync", path_);
    co_return {};
}

Result<void> SimFile::truncate(uint64_t size) {
    if (!writable_) return broken("truncate", path_);
    if (disk_.is_dead(path_)) return disk_.failed("truncate", path_);
    TRY_OK(disk_.make_room(*inode_, size, path_));
    disk_.sim_.trace().note(TraceEvent::disk_write, inode_->id, size);
    const uint64_t before = inode_->data.size();
    inode_->data.resize(size);
    inode_->reserved = std::min(inode_->reserved, size);
    inode_->touch(std::min(before, size), std::max(before, size));
    return {};
}

SimDisk::SimDisk(Simulation& sim) : sim_(sim), locked_(std::make_shared<std::set<std::string>>()) {
    auto root = std::make_shared<Inode>();
    root->is_directory = true;
    live_["/"] = durable_["/"] = root;
}

SimDisk::~SimDisk() = default;

bool SimDisk::fault(double chance) {
    if (chance <= 0 || !sim_.rng().chance(chance)) return false;
    sim_.trace().note(TraceEvent::fault, next_inode_);
    return true;
}

bool SimDisk::is_dead(const std::string& path) const {
    return std::ranges::any_of(dead, [&](const std::string& directory) {
        const std::string root = normal(directory);
        return path == root || path.starts_with(below(root));
    });
}

Error SimDisk::failed(std::string_view call, const std::string& path) {
    const Result<void> result = fail(
        ErrorCode::device_failed, fmt::format("{} {}: simulated input/output error", call, path));
    return noted(result, path).error();
}

Duration SimDisk::wait_time(Duration usual_max) {
    return sim_.between({}, fault(faults.stall_chance) ? faults.stall_max : usual_max);
}

void SimDisk::apply(Tree& tree, const Change& change) {
    if (change.from.empty()) {
        if (change.inode)
            tree[change.path] = change.inode;
        else
            tree.erase(change.path);
        return;
    }
    Tree moved;
    for (auto at = tree.lower_bound(change.from); at != tree.end();) {
        if (at->first != change.from && !at->first.starts_with(below(change.from))) {
            if (!at->first.starts_with(change.from)) break;
            ++at;
            continue;
        }
        moved[change.path + at->first.substr(change.from.size())] = std::move(at->second);
        at = tree.erase(at);
    }
    for (auto& [path, inode] : moved) tree[path] = std::move(inode);
}

void SimDisk::change_names(Change change) {
    sim_.trace().note(TraceEvent::disk_name, change.inode ? change.inode->id : 0,
                      as_bytes(change.path + '\0' + change.from));
    apply(live_, change);
    pending_.push_back(std::move(change));
}

Result<std::shared_ptr<SimDisk::Inode>> SimDisk::find(const std::string& path) const {
    const auto at = live_.find(path);
    if (at == live_.end()) return no_such(path);
    return at->second;
}

Result<void> SimDisk::check_parent(const std::string& path) const {
    TRY(const auto parent, find(parent_of(path)));
    if (!parent->is_directory) return broken("open", path);
    return {};
}

bool SimDisk::has_children(const std::string& path) const {
    const std::string prefix = below(path);
    auto at = live_.lower_bound(prefix);
    if (at != live_.end() && at->first == path) ++at;
    return at != live_.end() && at->first.starts_with(prefix);
}

Result<void> SimDisk::make_room(Inode& inode, uint64_t size, const std::string& path) {
    if (size <= inode.room()) return {};
    if (bytes_used() - inode.room() + size <= faults.capacity) return {};
    return fail(ErrorCode::no_space, path + ": the simulated disk is full");
}

uint64_t SimDisk::bytes_used() const {
    uint64_t used = 0;
    for (const auto& [path, inode] : live_) used += inode->room();
    return used;
}

uint64_t SimDisk::fingerprint() const {
    Trace all;
    for (const auto& [path, inode] : live_) {
        all.note(TraceEvent::disk_name, inode->is_directory, as_bytes(path));
        all.note(TraceEvent::disk_write, 0, ByteView{inode->data});
    }
    return all.hash();
}

Result<std::shared_ptr<SimDisk::Inode>> SimDisk::create_file(const std::string& path) {
    TRY_OK(check_parent(path));
    if (fault(faults.name_error)) return failed("open", path);
    if (bytes_used() >= faults.capacity)
        return fail(ErrorCode::no_space, path + ": the simulated disk is full");
    auto inode = std::make_shared<Inode>();
    inode->id = ++next_inode_;
    inode->modified_ms = sim_.wall_ms();
    change_names({.path = path, .inode = inode});
    return inode;
}

Result<std::shared_ptr<File>> SimDisk::open(const std::string& given, OpenMode mode) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("open", path);
    Result<std::shared_ptr<Inode>> inode = find(path);
    if (!inode.has_value() && mode == OpenMode::create) inode = create_file(path);
    if (!inode.has_value()) return std::move(inode).error();
    if ((*inode)->is_directory) return broken("open", path);
    return std::make_shared<SimFile>(*this, *std::move(inode), path, mode != OpenMode::read);
}

Result<std::vector<DirEntry>> SimDisk::list(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("opendir", path);
    TRY(const auto directory, find(path));
    if (!directory->is_directory) return broken("opendir", path);
    const std::string prefix = below(path);
    std::vector<DirEntry> entries;
    for (auto at = live_.lower_bound(prefix); at != live_.end() && at->first.starts_with(prefix);
         ++at) {
        std::string name = at->first.substr(prefix.size());
        if (!name.empty() && !name.contains('/'))
            entries.push_back({std::move(name), at->second->is_directory});
    }
    return entries;
}

Result<FileInfo> SimDisk::info(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("stat", path);
    TRY(const auto inode, find(path));
    return FileInfo{.size = inode->data.size(),
                    .modified_ms = inode->modified_ms,
                    .is_directory = inode->is_directory};
}

Result<void> SimDisk::make_directories(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("mkdir", path);
    if (const auto there = find(path); there.has_value()) {
        if ((*there)->is_directory) return {};
        return fail(ErrorCode::already_exists, "mkdir " + path + ": a file is there");
    }
    TRY_OK(make_directories(parent_of(path)));
    auto inode = std::make_shared<Inode>();
    inode->id = ++next_inode_;
    inode->is_directory = true;
    inode->modified_ms = sim_.wall_ms();
    change_names({.path = path, .inode = std::move(inode)});
    return {};
}

Result<void> SimDisk::rename(const std::string& given_from, const std::string& given_to) {
    const std::string from = normal(given_from);
    const std::string to = normal(given_to);
    if (is_dead(from) || is_dead(to)) return failed("rename", from);
    TRY(const auto inode, find(from));
    TRY_OK(check_parent(to));
    if (from == to) return {};
    if (fault(faults.name_error)) return failed("rename", from);
    if (to.starts_with(below(from))) return broken("rename", from);
    if (const auto there = find(to); there.has_value()) {
        const bool fits = (*there)->is_directory == inode->is_directory;
        if (!fits || has_children(to)) return broken("rename", from);
    }
    change_names({.path = to, .from = from});
    return {};
}

Result<void> SimDisk::remove(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("remove", path);
    TRY_OK(find(path));
    if (fault(faults.name_error)) return failed("remove", path);
    if (has_children(path) || path == "/") return broken("remove", path);
    change_names({.path = path});
    return {};
}

Task<Result<void>> SimDisk::remove_all(std::string given) {
    const std::string path = normal(given);
    co_await Loop::current().sleep_for(wait_time(faults.sync_max));
    if (is_dead(path)) co_return failed("remove", path);
    std::vector<std::string> doomed;
    const std::string prefix = below(path);
    for (auto at = live_.lower_bound(path); at != live_.end() && at->first.starts_with(path); ++at)
        if (at->first == path || at->first.starts_with(prefix)) doomed.push_back(at->first);
    for (; !doomed.empty(); doomed.pop_back())
        if (doomed.back() != "/") change_names({.path = doomed.back()});
    co_return {};
}

Result<void> SimDisk::set_modified(const std::string& path, int64_t modified_ms) {
    TRY(const auto inode, find(normal(path)));
    inode->modified_ms = modified_ms;
    return {};
}

Task<Result<void>> SimDisk::sync_directory(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) co_return failed("fsync", path);
    CO_TRY_OK(find(path));
    // Names reach the device in the order they were changed, so those of others before ours as
    // well.
    const auto concerns = [&](const std::string& name) {
        return !name.empty() && (name == path || parent_of(name) == path);
    };
    uint64_t through = 0;
    for (size_t i = 0; i != pending_.size(); ++i)
        if (concerns(pending_[i].path) || concerns(pending_[i].from))
            through = durable_names_ + i + 1;
    co_await Loop::current().sleep_for(wait_time(faults.sync_max));
    if (is_dead(path) || fault(faults.sync_error)) co_return failed("fsync", path);
    sim_.trace().note(TraceEvent::disk_sync, through);
    // Another sync may have come first with some of them.
    for (; durable_names_ < through; ++durable_names_) {
        apply(durable_, pending_.front());
        pending_.pop_front();
    }
    co_return {};
}

Result<runtime::DiskSpace> SimDisk::space(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("statvfs", path);
    TRY_OK(find(path));
    return runtime::DiskSpace{.total = faults.capacity,
                              .free = faults.capacity - std::min(bytes_used(), faults.capacity)};
}

Result<std::string> SimDisk::read_file(const std::string& given, size_t size_max) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("read", path);
    TRY(const auto inode, find(path));
    if (inode->is_directory) return broken("read", path);
    if (fault(faults.read_error)) return failed("read", path);
    if (inode->data.size() > size_max)
        return fail(ErrorCode::io_error, fmt::format("{} is larger than {} bytes", path, size_max));
    return std::string{as_text(inode->data)};
}

Result<void> SimDisk::write_file(const std::string& path, std::string_view content) {
    TRY(const auto file, open(path, OpenMode::create));
    TRY_OK(file->truncate(0));
    const ByteView part = as_bytes(content);
    return file->write_at(0, {&part, 1});
}

Task<Result<void>> SimDisk::replace_file(std::string path, std::string content) {
    const std::string next = path + ".tmp";
    CO_TRY_OK(write_file(next, content));
    CO_TRY(const auto file, open(next, OpenMode::write));
    CO_TRY_OK(co_await file->sync());
    CO_TRY_OK(rename(next, path));
    const std::string parent = parent_of(normal(path));
    co_return co_await sync_directory(parent);
}

Result<std::shared_ptr<void>> SimDisk::lock(const std::string& given) {
    const std::string path = normal(given);
    if (is_dead(path)) return failed("flock", path);
    if (!find(path).has_value()) TRY_OK(create_file(path));
    if (!locked_->insert(path).second)
        return fail(ErrorCode::already_exists, path + " is locked by another process");
    struct Held {
        std::shared_ptr<std::set<std::string>> locked;
        std::string path;
        ~Held() { locked->erase(path); }
    };
    return std::shared_ptr<void>{new Held{locked_, path}};
}

void SimDisk::flip_bit(const std::string& given, uint64_t position, unsigned bit) {
    const auto inode = *find(normal(given));
    INVARIANT(position < inode->data.size());
    const auto mask = static_cast<uint8_t>(1u << (bit & 7));
    inode->data[position] ^= mask;
    if (position < inode->durable.size()) inode->durable[position] ^= mask;
    sim_.trace().note(TraceEvent::fault, inode->id, position);
}

void SimDisk::power_cut() {
    const size_t kept_names = sim_.rng().below(pending_.size() + 1);
    for (size_t i = 0; i != kept_names; ++i) apply(durable_, pending_[i]);
    sim_.trace().note(TraceEvent::crash, pending_.size(), kept_names);
    durable_names_ += pending_.size();
    pending_.clear();
    const double kept = sim_.rng().chance(0.3) ? 0.0 : sim_.rng().unit();
    live_ = durable_;
    std::set<Inode*> seen;
    for (const auto& [path, inode] : live_)
        if (!inode->is_directory && seen.insert(inode.get()).second) crash_content(*inode, kept);
    locked_ = std::make_shared<std::set<std::string>>();
}

void SimDisk::crash_content(Inode& inode, double kept) {
    const uint64_t size = inode.data.size();
    const uint64_t old_size = inode.durable.size();
    std::vector<uint8_t> after = inode.durable;
    // A new size reaches the device with the last of the pages that do, or alone.
    if (size != old_size && sim_.rng().chance(kept))
        after.resize(sim_.rng().chance(0.5) ? size
                                            : std::min(size, old_size) +
                                                  sim_.rng().below(std::max(size, old_size) -
                                                                   std::min(size, old_size) + 1));
    for (auto [page, written] : inode.dirty) {
        if (!sim_.rng().chance(kept)) continue;
        uint64_t bytes = kPage;
        if (faults.torn_writes && sim_.rng().chance(0.2))
            bytes = kSector * sim_.rng().below(kPage / kSector);
        const uint64_t from = page * kPage;
        const uint64_t to = std::min({from + bytes, size, uint64_t{after.size()}});
        for (uint64_t i = from; i < to; ++i) after[i] = inode.data[i];
    }
    inode.data = inode.durable = std::move(after);
    inode.dirty.clear();
    inode.reserved = 0;
    sim_.trace().note(TraceEvent::crash, inode.id, ByteView{inode.data});
}

}  // namespace millrace::sim
