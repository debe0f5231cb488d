// Runs the transcripts in src/group/scripts (their language: harness.h). A file holds cases; a case
// starts with "# title" and may set configuration: "! initial_delay=0". With MILLRACE_REWRITE=1 in
// the environment the files are written anew with what comes out, to be read before they are
// committed.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "group/harness.h"

namespace millrace::group {
namespace {

struct Case {
    std::string head;  // title, comments and settings, as they stand
    GroupConfig config;
    std::string script;
};

void set(GroupConfig& config, const std::string& name, const std::string& value) {
    std::map<std::string, int32_t*> numbers = {
        {"initial_delay", &config.group_initial_rebalance_delay_ms},
        {"max_size", &config.group_max_size},
        {"consumer_max_size", &config.group_consumer_max_size},
        {"assignment_interval", &config.group_consumer_assignment_interval_ms},
        {"retention_minutes", &config.offsets_retention_minutes},
    };
    if (auto at = numbers.find(name); at != numbers.end()) {
        *at->second = std::stoi(value);
    } else {
        REQUIRE(name == "migration");
        config.group_consumer_migration_policy =
            value == "disabled" ? MigrationPolicy::disabled : MigrationPolicy::bidirectional;
    }
}

std::vector<Case> read_cases(const std::filesystem::path& path) {
    std::vector<Case> cases;
    std::ifstream in{path};
    std::string line;
    while (std::getline(in, line)) {
        if (line.starts_with("# ")) cases.emplace_back();
        if (cases.empty() || line.empty()) continue;
        Case& current = cases.back();
        if (line.starts_with("#") || line.starts_with("!")) current.head += line + "\n";
        if (line.starts_with("! ")) {
            std::istringstream words{line.substr(2)};
            std::string word;
            while (words >> word)
                set(current.config, word.substr(0, word.find('=')),
                    word.substr(word.find('=') + 1));
        }
        if (line.starts_with(">") || line.starts_with(" ")) current.script += line + "\n";
    }
    return cases;
}

TEST_CASE("group scripts") {
    bool rewrite = std::getenv("MILLRACE_REWRITE") != nullptr;
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"src/group/scripts"}) {
        files++;
        std::string rewritten;
        for (const Case& c : read_cases(entry.path())) {
            CAPTURE(entry.path().string());
            CAPTURE(c.head);
            Harness harness{c.config};
            std::string out = harness.play(c.script);
            if (!rewrite) CHECK(out == c.script);
            rewritten += (rewritten.empty() ? "" : "\n") + c.head + out;
        }
        if (rewrite) std::ofstream{entry.path()} << rewritten;
    }
    CHECK(files > 0);
}

}  // namespace
}  // namespace millrace::group
