// For tests: a group machine on a log in memory, driven by a script. A script is a transcript:
// lines that start with "> " are commands, the lines below a command are what must come out of it.
// After every command the log is replayed into a second machine, whose durable state must be the
// first one's.
//
//   > join a topics=t1 v=3           JoinGroup of member a, with the id it has by now
//   > sync a assign=a:x,b:y gen=1    SyncGroup
//   > beat a / leave a b             Heartbeat, LeaveGroup
//   > cjoin a topics=t1 / cbeat a owned=t1:0,1 / cleave a      ConsumerGroupHeartbeat
//   > commit a t1:0=5 / fetch a t1:0,1 / forget t1:0           offsets (no member: "-")
//   > wait 1000                      time passes, timers fire
//   > topic t1 4 / drop t1           the cluster changes
//   > fail                           the next append fails
//   > show                           the group
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "group/machine.h"

namespace millrace::group {

class TableView : public ClusterView {
public:
    std::optional<TopicInfo> topic(std::string_view name) const override;
    std::optional<TopicInfo> topic(const Uuid& id) const override;
    std::vector<std::vector<std::string>> racks(const Uuid&) const override { return topic_racks; }
    void each_topic(const std::function<void(std::string_view)>& fn) const override;
    GroupOverrides overrides(std::string_view) const override { return group_overrides; }
    Offset version() const override { return at; }

    std::map<std::string, TopicInfo, std::less<>> topics;
    std::vector<std::vector<std::string>> topic_racks;
    GroupOverrides group_overrides;
    Offset at = 0;
};

class Harness {
public:
    explicit Harness(GroupConfig config = {});

    // The transcript of running the commands of `script`.
    std::string play(std::string_view script);

    GroupConfig config;
    TableView view;
    Now now{.mono_ms = 1'000'000, .wall_ms = 1'700'000'000'000};
    std::vector<Record> log;
    std::unique_ptr<GroupMachine> machine;

    // The pieces of play(), for tests that make up their inputs.
    ErrorCode settle(Effects effects);
    void advance(int64_t ms);
    std::string replay_difference();
    void publish();
    std::string output;

private:
    using Args = std::map<std::string, std::string, std::less<>>;
    void command(const std::vector<std::string>& words);
    void member_command(const std::string& verb, const std::string& who, const Args& args,
                        const std::vector<std::string>& words);
    void join(const std::string& who, const Args& args);
    void sync(const std::string& who, const Args& args);
    void leave(const std::vector<std::string>& words, const Args& args);
    void consumer(const std::string& verb, const std::string& who, const Args& args);
    void commit(const std::string& who, const std::vector<std::string>& words, const Args& args);
    void fetch(const std::string& who, const std::vector<std::string>& words, const Args& args);
    void show();
    void say(const std::string& line) { output += "  " + line + "\n"; }
    void say_records(const std::vector<Record>& records);
    void say(const std::string& who, const protocol::JoinGroupResponse& response);
    void say(const std::string& who, const protocol::SyncGroupResponse& response);
    std::string name_of(std::string_view member_id) const;
    std::string id_of(const std::string& name) const;
    std::string text(const TopicPartitions& partitions) const;
    TopicPartitions parse_partitions(std::string_view text) const;

    Rng rng_{1};
    Token next_token_ = 1;
    std::map<Token, std::string> waiting_;
    std::map<std::string, std::string> ids_;  // name -> member id
    std::map<std::string, int32_t> epochs_;   // name -> generation or epoch that it last heard of
    bool fail_next_ = false;
};

}  // namespace millrace::group
