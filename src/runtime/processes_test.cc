#include "runtime/processes.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

using namespace millrace;

TEST_CASE("a process of this user is seen, and can be signalled") {
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    const auto all = runtime::other_processes_of_user();
    const auto found = std::ranges::find(all, child, &runtime::Process::pid);
    REQUIRE(found != all.end());
    CHECK(found->program.ends_with("runtime_test"));
    CHECK_FALSE(found->args.empty());
    CHECK(std::ranges::find(all, getpid(), &runtime::Process::pid) == all.end());
    CHECK(runtime::signal_process(child, SIGTERM));
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK_FALSE(runtime::signal_process(child, SIGTERM));
}
