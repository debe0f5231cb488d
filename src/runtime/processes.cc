#include "runtime/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace millrace::runtime {
namespace {

namespace fs = std::filesystem;

Error system_error(std::string_view what) {
    return fail(ErrorCode::io_error, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::optional<int> pid_of(const fs::path& directory) {
    const std::string name = directory.filename().string();
    int pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    const bool whole = error == std::errc{} && end == name.data() + name.size();
    return whole ? std::optional{pid} : std::nullopt;
}

std::vector<std::string> read_args(const fs::path& directory) {
    std::ifstream file(directory / "cmdline", std::ios::binary);
    std::vector<std::string> out;
    for (std::string arg; std::getline(file, arg, '\0');) out.push_back(arg);
    return out;
}

}  // namespace

std::vector<Process> other_processes_of_user() {
    std::vector<Process> out;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
        const auto pid = pid_of(entry.path());
        struct stat status{};
        if (!pid || *pid == ::getpid() || ::stat(entry.path().c_str(), &status) != 0 ||
            status.st_uid != ::geteuid())
            continue;
        std::error_code gone;
        const fs::path program = fs::read_symlink(entry.path() / "exe", gone);
        if (gone) continue;
        out.push_back({*pid, program.string(), read_args(entry.path())});
    }
    return out;
}

Result<void> signal_process(int pid, int signal) {
    if (::kill(pid, signal) == 0) return {};
    return system_error(fmt::format("process {}", pid));
}

Result<bool> go_to_background(const std::string& output) {
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return system_error(output);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const pid_t child = nothing < 0 ? -1 : ::fork();
    if (child != 0) {
        const Error failed = system_error("fork");
        ::close(file);
        if (nothing >= 0) ::close(nothing);
        if (child < 0) return failed;
        return false;
    }
    ::setsid();
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    return true;
}

}  // namespace millrace::runtime
