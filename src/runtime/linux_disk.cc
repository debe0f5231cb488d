#include "runtime/linux_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace millrace::runtime {
namespace {

// Parts of one system call; far below IOV_MAX, and small on the stack.
constexpr size_t kPartsPerCall = 128;

Result<FileDescriptor> open_descriptor(const std::string& path, int flags) {
    for (;;) {
        const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
        if (number >= 0) return FileDescriptor{number};
        if (errno != EINTR) return system_error("open", path);
    }
}

Result<void> write_all(int descriptor, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t n = ::write(descriptor, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("write", path);
        content.remove_prefix(static_cast<size_t>(n));
    }
    return {};
}

Result<void> write_now(const std::string& path, std::string_view content) {
    TRY(const FileDescriptor file, open_descriptor(path, O_WRONLY | O_CREAT | O_TRUNC));
    return write_all(file.get(), content, path);
}

Result<void> sync_directory_now(const std::string& path) {
    TRY(const FileDescriptor directory, open_descriptor(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) != 0) return system_error("fsync", path);
    return {};
}

std::string parent_of(const std::string& path) {
    const std::string parent = std::filesystem::path{path}.parent_path().string();
    return parent.empty() ? "." : parent;
}

Result<void> replace_now(const std::string& path, const std::string& content) {
    const std::string next = path + ".tmp";
    TRY(const FileDescriptor file, open_descriptor(next, O_WRONLY | O_CREAT | O_TRUNC));
    TRY_OK(write_all(file.get(), content, next));
    if (::fsync(file.get()) != 0) return system_error("fsync", next);
    if (::rename(next.c_str(), path.c_str()) != 0) return system_error("rename", path);
    return sync_directory_now(parent_of(path));
}

Result<std::string> read_now(const std::string& path, size_t size_max) {
    TRY(const FileDescriptor file, open_descriptor(path, O_RDONLY));
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read", path);
        if (n == 0) return content;
        if (content.size() + static_cast<size_t>(n) > size_max)
            return fail(ErrorCode::io_error,
                        fmt::format("{} is larger than {} bytes", path, size_max));
        content.append(buffer, static_cast<size_t>(n));
    }
}

bool without_device(int descriptor) {
    struct statfs fs;
    return ::fstatfs(descriptor, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || static_cast<uint64_t>(fs.f_type) == RAMFS_MAGIC);
}

}  // namespace

LinuxFile::LinuxFile(const LinuxDisk& disk, FileDescriptor descriptor, std::string path)
    : disk_(disk),
      descriptor_(std::move(descriptor)),
      path_(std::move(path)),
      in_memory_(without_device(descriptor_.get())) {}

Result<void> LinuxFile::write_at(uint64_t position, std::span<const ByteView> parts) {
    return disk_.noted(write_parts(position, parts), path_);
}

Result<void> LinuxFile::write_parts(uint64_t position, std::span<const ByteView> parts) {
    std::array<iovec, kPartsPerCall> vectors;
    size_t skip = 0;  // of the first part
    while (!parts.empty()) {
        const size_t count = std::min(parts.size(), vectors.size());
        for (size_t i = 0; i != count; ++i) {
            const ByteView part = i == 0 ? parts[i].subspan(skip) : parts[i];
            vectors[i] = {const_cast<uint8_t*>(part.data()), part.size()};
        }
        const ssize_t n = ::pwritev(descriptor_.get(), vectors.data(), static_cast<int>(count),
                                    static_cast<off_t>(position));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("write", path_);
        position += static_cast<uint64_t>(n);
        skip += static_cast<size_t>(n);
        while (!parts.empty() && skip >= parts.front().size()) {
            skip -= parts.front().size();
            parts = parts.subspan(1);
        }
    }
    return {};
}

Result<size_t> LinuxFile::read_at_now(uint64_t position, MutableByteView into) {
    return disk_.noted(read_cached(position, into), path_);
}

Result<size_t> LinuxFile::read_cached(uint64_t position, MutableByteView into) {
    if (in_memory_) return read_blocking(position, into);
    size_t done = 0;
    while (done != into.size()) {
        const iovec rest{into.data() + done, into.size() - done};
        const ssize_t n =
            ::preadv2(descriptor_.get(), &rest, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EOPNOTSUPP)) return fail(ErrorCode::would_block);
        if (n < 0) return system_error("read", path_);
        if (n == 0) break;
        done += static_cast<size_t>(n);
    }
    return done;
}

Result<size_t> LinuxFile::read_blocking(uint64_t position, MutableByteView into) {
    size_t done = 0;
    while (done != into.size()) {
        const ssize_t n = ::pread(descriptor_.get(), into.data() + done, into.size() - done,
                                  static_cast<off_t>(position + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("read", path_);
        if (n == 0) break;
        done += static_cast<size_t>(n);
    }
    return done;
}

Task<Result<size_t>> LinuxFile::read_at(uint64_t position, MutableByteView into) {
    Result<size_t> now = read_at_now(position, into);
    if (now.code() != ErrorCode::would_block) co_return now;
    now = co_await run_blocking(disk_.pool_, Loop::current(),
                                [this, position, into] { return read_blocking(position, into); });
    co_return disk_.noted(std::move(now), path_);
}

Task<Result<void>> LinuxFile::sync() {
    Result<void> synced =
        co_await run_blocking(disk_.pool_, Loop::current(), [this]() -> Result<void> {
            if (::fdatasync(descriptor_.get()) != 0) return system_error("fdatasync", path_);
            return {};
        });
    co_return disk_.noted(std::move(synced), path_);
}

Task<Result<void>> LinuxFile::write_zeros(uint64_t position, size_t bytes) {
    INVARIANT(bytes <= kZerosMax);
    Result<void> done = co_await run_blocking(disk_.pool_, Loop::current(),
                                              [this, position, bytes]() -> Result<void> {
                                                  const std::vector<uint8_t> zeros(bytes);
                                                  const ByteView part{zeros};
                                                  TRY_OK(write_parts(position, {&part, 1}));
                                                  if (::fdatasync(descriptor_.get()) != 0)
                                                      return system_error("fdatasync", path_);
                                                  return {};
                                              });
    co_return disk_.noted(std::move(done), path_);
}

Result<void> LinuxFile::truncate(uint64_t size) {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
        return disk_.noted(Result<void>{system_error("truncate", path_)}, path_);
    return {};
}

Result<void> LinuxFile::reserve(uint64_t size) {
    if (size == 0) return {};
    if (::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0)
        return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
    return disk_.noted(Result<void>{system_error("fallocate", path_)}, path_);
}

Result<uint64_t> LinuxFile::size() {
    struct stat st;
    if (::fstat(descriptor_.get(), &st) != 0) return system_error("stat", path_);
    return static_cast<uint64_t>(st.st_size);
}

Result<std::shared_ptr<File>> LinuxDisk::open(const std::string& path, OpenMode mode) {
    const int flags = mode == OpenMode::read    ? O_RDONLY
                      : mode == OpenMode::write ? O_RDWR
                                                : O_RDWR | O_CREAT;
    TRY(FileDescriptor descriptor, noted(open_descriptor(path, flags), path));
    return std::make_shared<LinuxFile>(*this, std::move(descriptor), path);
}

Result<std::vector<DirEntry>> LinuxDisk::list(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(directory.c_str()), ::closedir};
    using Entries = Result<std::vector<DirEntry>>;
    if (!dir) return noted(Entries{system_error("opendir", directory)}, directory);
    std::vector<DirEntry> entries;
    for (errno = 0; const dirent* entry = ::readdir(dir.get()); errno = 0) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        bool is_directory = entry->d_type == DT_DIR;
        if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
            struct stat st;
            is_directory =
                ::fstatat(::dirfd(dir.get()), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
        }
        entries.push_back({std::move(name), is_directory});
    }
    if (errno != 0) return noted(Entries{system_error("readdir", directory)}, directory);
    std::ranges::sort(entries, {}, &DirEntry::name);
    return entries;
}

Result<FileInfo> LinuxDisk::info(const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0)
        return noted(Result<FileInfo>{system_error("stat", path)}, path);
    return FileInfo{
        .size = static_cast<uint64_t>(st.st_size),
        .modified_ms = int64_t{st.st_mtim.tv_sec} * 1000 + st.st_mtim.tv_nsec / 1'000'000,
        .is_directory = S_ISDIR(st.st_mode)};
}

Result<void> LinuxDisk::make_directories(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return noted(Result<void>{system_error("mkdir", path, error.value())}, path);
    return {};
}

Result<void> LinuxDisk::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        return noted(Result<void>{system_error("rename", from)}, from);
    return {};
}

Result<void> LinuxDisk::remove(const std::string& path) {
    if (::remove(path.c_str()) != 0) return noted(Result<void>{system_error("remove", path)}, path);
    return {};
}

Task<Result<void>> LinuxDisk::remove_all(std::string path) {
    Result<void> removed = co_await run_blocking(pool_, Loop::current(), [&path]() -> Result<void> {
        std::error_code error;
        std::filesystem::remove_all(path, error);
        if (error) return system_error("remove", path, error.value());
        return {};
    });
    co_return noted(std::move(removed), path);
}

Result<void> LinuxDisk::set_modified(const std::string& path, int64_t modified_ms) {
    const timespec modified{.tv_sec = modified_ms / 1000,
                            .tv_nsec = modified_ms % 1000 * 1'000'000};
    const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, modified};
    if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return system_error("utimensat", path);
    return {};
}

Task<Result<void>> LinuxDisk::sync_directory(const std::string& path) {
    Result<void> synced =
        co_await run_blocking(pool_, Loop::current(), [path] { return sync_directory_now(path); });
    co_return noted(std::move(synced), path);
}

Result<DiskSpace> LinuxDisk::space(const std::string& path) {
    struct statvfs fs;
    if (::statvfs(path.c_str(), &fs) != 0)
        return noted(Result<DiskSpace>{system_error("statvfs", path)}, path);
    return DiskSpace{.total = uint64_t{fs.f_blocks} * fs.f_frsize,
                     .free = uint64_t{fs.f_bavail} * fs.f_frsize};
}

Result<std::string> LinuxDisk::read_file(const std::string& path, size_t size_max) {
    return noted(read_now(path, size_max), path);
}

Result<void> LinuxDisk::write_file(const std::string& path, std::string_view content) {
    return noted(write_now(path, content), path);
}

Task<Result<void>> LinuxDisk::replace_file(std::string path, std::string content) {
    Result<void> replaced = co_await run_blocking(
        pool_, Loop::current(), [&path, &content] { return replace_now(path, content); });
    co_return noted(std::move(replaced), path);
}

Result<std::shared_ptr<void>> LinuxDisk::lock(const std::string& path) {
    TRY(FileDescriptor file, noted(open_descriptor(path, O_RDWR | O_CREAT), path));
    // A record lock over the whole file: what a JVM takes, so that Apache Kafka and we keep each
    // other out. Of the open file and not of the process, so that it does not go when somebody
    // else in the process closes the file.
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(file.get(), F_OFD_SETLK, &whole) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            return fail(
                ErrorCode::already_exists,
                parent_of(path) + " is in use by another process, which has locked " + path);
        return system_error("fcntl", path);
    }
    return std::make_shared<FileDescriptor>(std::move(file));
}

}  // namespace millrace::runtime
