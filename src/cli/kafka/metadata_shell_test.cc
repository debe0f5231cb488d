#include <doctest/doctest.h>

#include "cli/kafka/metadata_commands.h"
#include "cli/kafka/path_glob.h"
#include "metadata/builder.h"

namespace millrace::cli::kafka {
namespace {

metadata::ImagePtr sample() {
    metadata::Builder builder;
    const Uuid id{1, 2};
    REQUIRE(builder.apply(protocol::TopicRecord{.name = std::string{"foo"}, .topic_id = id}));
    REQUIRE(builder.apply(protocol::PartitionRecord{.partition_id = 0,
                                                    .topic_id = id,
                                                    .replicas = {1, 2},
                                                    .isr = {2},
                                                    .leader = 2,
                                                    .leader_epoch = 3,
                                                    .partition_epoch = 4}));
    REQUIRE(builder.apply(protocol::ConfigRecord{.resource_type = 4,
                                                 .resource_name = std::string{},
                                                 .name = std::string{"a"},
                                                 .value = std::string{"b"}}));
    return builder.publish({7, 2, 1'700'000'000'120}).first;
}

MetadataCommands session() {
    return {metadata_tree(sample()), true};
}

}  // namespace

TEST_CASE("patterns in paths") {
    struct Case {
        std::string_view glob, name;
        bool matches;
    };
    for (const Case& c : std::vector<Case>{{"a*", "abc", true},
                                           {"a*", "ba", false},
                                           {"*", "", true},
                                           {"a?c", "abc", true},
                                           {"a?c", "ac", false},
                                           {"t{0,1?}x", "t12x", true},
                                           {"t{0,1?}x", "t0x", true},
                                           {"t{0,1?}x", "t1x", false},
                                           {"{,a}b", "b", true},
                                           {"{{a}}*", "{{a}}*", true},
                                           {"{a", "{a", true},
                                           {"a.*", "abc", false},
                                           {"\\**", "*b", true},
                                           {"\\**", "ab", false},
                                           {"a,b", "a,b", true}}) {
        CAPTURE(c.glob);
        CAPTURE(c.name);
        CHECK(PathGlob(c.glob).matches(c.name) == c.matches);
    }
    using Parts = std::vector<std::string>;
    CHECK(path_parts("//a/./b/../../../c/") == Parts{"c"});
    CHECK(path_parts("/").empty());
    CHECK(line_words("  ls \"a b\" 'c'd e\\ f \"g") == Parts{"ls", "a b", "cd", "e f", "g"});
}

TEST_CASE("a session") {
    auto shell = session();
    CHECK(shell.run_line("ls") == "image\nlocal\n");
    CHECK(shell.run_line("cd image/topics/byName/foo").empty());
    CHECK(shell.run_line("pwd") == "/image/topics/byName/foo\n");
    CHECK(shell.run_line("find .") == ".\n./0\n./id\n./name\n");
    CHECK(shell.run_line("tree .") ==
          "0:\n  PartitionRegistration(replicas=[1, 2], directories=[AAAAAAAAAAAAAAAAAAAAAA, "
          "AAAAAAAAAAAAAAAAAAAAAA], isr=[2], removingReplicas=[], addingReplicas=[], elr=[], "
          "lastKnownElr=[], leader=2, leaderRecoveryState=RECOVERED, leaderEpoch=3, "
          "partitionEpoch=4)\nid:\n  AAAAAAAAAAEAAAAAAAAAAg\nname:\n  foo\n");
    CHECK(shell.run_line("cat ../*/n*") == "foo\n");
    CHECK(shell.run_line("cat /image/configs/BROKER/a nosuch ..") ==
          "b\ncat: nosuch: No such file or directory.\ncat: ..: Is a directory\n");
    CHECK(shell.run_line("cat /image/provenance") ==
          "offset 7, epoch 2, time 2023-11-14T22:13:20.120Z[UTC]\n");
    CHECK(shell.run_line("cd name") == "cd: name: not a directory.\n");
    CHECK(shell.run_line("ls name /local x") ==
          "ls: x: no such file or directory.\nname\n\nlocal:\ncommitId\nversion\n");
    CHECK(shell.run_line("cat") == "too few arguments\n");
    CHECK(shell.run_line("pwd x") == "unrecognized arguments: 'x'\n");
    CHECK(shell.run_line("history 1") == "   12  history 1\n");
    CHECK(!shell.ended());
    CHECK(shell.run_line("exit").empty());
    CHECK(shell.ended());
}

TEST_CASE("outside a session only what shows something") {
    MetadataCommands shell(metadata_tree(sample()), false);
    CHECK(shell.run({"cd", "image"}) ==
          "invalid choice: 'cd' (choose from 'cat', 'find', 'ls', 'tree')\n");
    CHECK(shell.run({"ls", "/image/topics"}) == "byId\nbyName\n");
}

TEST_CASE("history forgets the oldest lines, repeated and indented ones at once") {
    auto shell = session();
    for (size_t i = 0; i != MetadataCommands::kLinesMax + 5; ++i)
        shell.run_line(fmt::format("cd /{}", i));
    shell.run_line(" pwd");
    shell.run_line("history 2");
    CHECK(shell.run_line("history 2") == "  504  cd /504\n  505  history 2\n");
}

TEST_CASE("numbers as Java writes them") {
    const std::pair<double, std::string_view> cases[] = {{1, "1.0"},
                                                         {1.25, "1.25"},
                                                         {1e10, "1.0E10"},
                                                         {1.5e7, "1.5E7"},
                                                         {9999999, "9999999.0"},
                                                         {0.001, "0.001"},
                                                         {1e-4, "1.0E-4"},
                                                         {0, "0.0"}};
    for (const auto& [value, text] : cases) CHECK(java_double(value) == text);
}

}  // namespace millrace::cli::kafka
