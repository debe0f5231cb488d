// The disk of one simulated node: a tree in memory that knows what would survive.
//
// A process that dies loses nothing (kill). A power cut loses what was not synced, by the seed:
// each page of 4 KiB written since the file's last sync may be on the device, not, or torn at a
// sector of 512 bytes; a file that grew may have any size between, with zeros where nothing was
// written; and of the names made, moved and removed since the last sync_directory() a prefix is
// kept. sync() of a file does not make its name durable: that takes sync_directory().
#pragma once

#include <map>
#include <set>

#include "runtime/disk.h"
#include "sim/simulation.h"

namespace millrace::sim {

// Chances are for each call.
struct DiskFaults {
    double read_error = 0;
    double write_error = 0;    // and a prefix of it may be written
    double sync_error = 0;     // and what was dirty counts as clean from then on, as on Linux
    double name_error = 0;     // open with create, rename, remove
    double flip_chance = 0;    // of a read: one bit of what it reads changes on the device
    double cold_chance = 0.1;  // read_at_now gives would_block
    double stall_chance = 0;   // of a sync or a waiting read: it takes up to stall_max
    Duration stall_max = std::chrono::seconds{10};
    Duration read_max = std::chrono::microseconds{200};
    Duration sync_max = std::chrono::milliseconds{2};
    uint64_t capacity = uint64_t{1} << 40;  // no_space beyond it
    bool torn_writes = true;                // at a power cut
};

class SimDisk final : public runtime::Disk {
public:
    explicit SimDisk(Simulation& sim);
    ~SimDisk() override;

    DiskFaults faults;
    // Directories whose device is dead: every call on what lies in them fails.
    std::set<std::string> dead;

    // No task of the node runs any more. Open files and locks are gone either way.
    void power_cut();
    // Changes one bit on the device and in memory; `path` must be a file longer than `position`.
    void flip_bit(const std::string& path, uint64_t position, unsigned bit);
    uint64_t bytes_used() const;
    // All of the tree's names and contents, as the process sees them.
    uint64_t fingerprint() const;

    Result<std::shared_ptr<runtime::File>> open(const std::string& path,
                                                runtime::OpenMode mode) override;
    Result<std::vector<runtime::DirEntry>> list(const std::string& directory) override;
    Result<runtime::FileInfo> info(const std::string& path) override;
    Result<void> make_directories(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    runtime::Task<Result<void>> remove_all(std::string given) override;
    Result<void> set_modified(const std::string& path, int64_t modified_ms) override;
    runtime::Task<Result<void>> sync_directory(const std::string& path) override;
    Result<runtime::DiskSpace> space(const std::string& path) override;
    Result<std::string> read_file(const std::string& path, size_t size_max) override;
    Result<void> write_file(const std::string& path, std::string_view content) override;
    runtime::Task<Result<void>> replace_file(std::string path, std::string content) override;
    Result<std::shared_ptr<void>> lock(const std::string& path) override;

private:
    friend class SimFile;
    struct Inode;
    using Tree = std::map<std::string, std::shared_ptr<Inode>>;
    // What a call does to the names: `from` empty: `path` now is `inode`; `inode` empty as well: it
    // is removed; else everything at and below `from` moves to `path`.
    struct Change {
        std::string path;
        std::string from;
        std::shared_ptr<Inode> inode;
    };

    static void apply(Tree& tree, const Change& change);
    void change_names(Change change);
    Result<std::shared_ptr<Inode>> find(const std::string& path) const;
    Result<void> check_parent(const std::string& path) const;
    Result<std::shared_ptr<Inode>> create_file(const std::string& path);
    bool has_children(const std::string& path) const;
    bool fault(double chance);
    bool is_dead(const std::string& path) const;
    Error failed(std::string_view call, const std::string& path);
    Duration wait_time(Duration usual_max);
    // Grows the file to `size` if the disk has the room.
    Result<void> make_room(Inode& inode, uint64_t size, const std::string& path);
    void crash_content(Inode& inode, double kept);

    Simulation& sim_;
    Tree live_;
    Tree durable_;
    std::deque<Change> pending_;  // not durable yet
    uint64_t durable_names_ = 0;  // how many changes came before those
    std::shared_ptr<std::set<std::string>> locked_;
    uint64_t next_inode_ = 0;
};

}  // namespace millrace::sim
