// millrace_difftest [-v] CASE.json...: runs cases of stream processing and compares with what was
// recorded. With -v every difference is shown, not only the first. Each case runs in a process of
// its own: one that crashes is a failed case, and the others go on.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "compare.h"
#include "errors.h"
#include "runner.h"

namespace {

using millrace::Result;
using millrace::difftest::Json;

std::vector<std::string> differences(const Json& the_case) {
    try {
        return millrace::difftest::differences(the_case["expected"],
                                               millrace::difftest::run_case(the_case));
    } catch (const std::exception& e) {
        return {std::string("the case cannot be run: ") + e.what()};
    }
}

Result<Json> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return Json::parse(text.str());
}

// Runs a case and says how it went. False: it failed.
bool run(const std::string& path, bool verbose) {
    const auto the_case = read(path);
    if (!the_case) {
        fmt::print("FAIL {}: {}\n", path, the_case.error().message);
        return false;
    }
    const std::string name = the_case->text_or("name", path);
    const auto found = differences(*the_case);
    if (found.empty()) {
        fmt::print("PASS {}\n", name);
        return true;
    }
    fmt::print("FAIL {}: {}\n", name, found.front());
    for (size_t i = 1; verbose && i < found.size(); ++i) fmt::print("  {}\n", found[i]);
    return false;
}

bool run_apart(const std::string& path, bool verbose) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) return run(path, verbose);
    if (child == 0) {
        const bool passed = run(path, verbose);
        std::fflush(stdout);
        _exit(passed ? 0 : 1);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status) == 0;
    const auto the_case = read(path);
    fmt::print("FAIL {}: it crashed (wait status {})\n",
               the_case ? the_case->text_or("name", path) : path, status);
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const bool verbose = !arguments.empty() && arguments[0] == "-v";
    int passed = 0;
    int failed = 0;
    for (size_t i = verbose ? 1 : 0; i < arguments.size(); ++i)
        ++(run_apart(arguments[i], verbose) ? passed : failed);
    fmt::print("{} passed, {} failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
