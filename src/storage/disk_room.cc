#include "storage/disk_room.h"

#include <algorithm>

#include "base/log.h"

namespace millrace::storage {
namespace {

constexpr uint64_t kReserveBytesMax = uint64_t{1} << 30;
constexpr uint64_t kReservePart = 20;  // of the file system
constexpr uint64_t kResumePart = 8;    // of the reserve
// While appends are refused the file system is asked this often at most.
constexpr int64_t kLookIntervalMs = 100;

}  // namespace

DiskRoom::DiskRoom(runtime::Disk& disk, std::string path, int64_t reserve_bytes)
    : disk_(disk), path_(std::move(path)), reserve_wanted_(reserve_bytes) {}

Result<void> DiskRoom::look(TimestampMs now) {
    looked_ = now;
    TRY(const runtime::DiskSpace space, disk_.space(path_));
    total_ = space.total;
    reserve_ = reserve_wanted_ >= 0 ? static_cast<uint64_t>(reserve_wanted_)
                                    : std::min(kReserveBytesMax, total_ / kReservePart);
    usable_ = space.free - std::min(space.free, reserve_);
    taken_ = 0;
    if (usable_ == 0)
        set_full(true);
    else if (usable_ >= reserve_ / kResumePart)
        set_full(false);
    return {};
}

void DiskRoom::set_full(bool full) {
    if (full == full_) return;
    full_ = full;
    if (full)
        LOG_ERROR("storage", "{} is full: clients cannot write, {} bytes are kept in reserve",
                  path_, reserve_);
    else
        LOG_INFO("storage", "{} has room again: clients can write {} bytes", path_, usable_);
}

bool DiskRoom::take(uint64_t bytes, TimestampMs now) {
    if ((full_ || bytes > usable_) && now - looked_ >= kLookIntervalMs)
        if (const auto looked = look(now); !looked) LOG_DEBUG("storage", "{}: not known", path_);
    if (full_ || bytes > usable_) {
        set_full(true);
        ++refusals_;
        return false;
    }
    usable_ -= bytes;
    taken_ += bytes;
    // Others use the file system too: what is known gets less certain the more was taken.
    if (taken_ > usable_)
        if (const auto looked = look(now); !looked) LOG_DEBUG("storage", "{}: not known", path_);
    return true;
}

}  // namespace millrace::storage
