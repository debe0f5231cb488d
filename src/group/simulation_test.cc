// Random clients against a machine, with lost answers, failed appends, members that fall silent, and
// topics that grow. Checked after every step: the log replays to the same state, no partition has two
// owners. Checked when the faults stop: everybody gets to a stable group.
#include <doctest/doctest.h>

#include "group/harness.h"

namespace millrace::group {
namespace {

// A consumer of the consumer protocol, as it should behave.
struct Client {
    std::string id;
    int32_t epoch = 0;
    TopicPartitions owned;
    bool in_group = false;
    bool full_next = true;  // the last answer was lost, or there was none yet
    int64_t heard_ms = 0;
};

class World {
public:
    explicit World(uint64_t seed) : rng(seed), harness(config()) {
        harness.view.topics["t1"] = {"t1", {1, 1}, 3};
        harness.view.topics["t2"] = {"t2", {1, 2}, 2};
        harness.publish();
        for (int i = 0; i < 5; i++) clients.push_back({.id = "m" + std::to_string(i)});
    }

    static GroupConfig config() {
        GroupConfig c;
        c.group_consumer_assignment_interval_ms = 50;
        c.group_consumer_session_timeout_ms = 3'000;
        return c;
    }

    void step(double faults) {
        harness.advance(static_cast<int64_t>(rng.below(200)));
        for (Client& c : clients)
            if (c.in_group && harness.now.mono_ms - c.heard_ms >= 3'000)
                abandon(c);  // a client knows its session too
        Client& client = clients[rng.below(clients.size())];
        if (!client.in_group && rng.chance(0.5)) return;
        if (client.in_group && rng.chance(0.02 * faults)) {
            leave(client);
        } else if (!rng.chance(0.3 * faults)) {
            beat(client, rng.chance(0.1 * faults), rng.chance(0.1 * faults));
        }
        if (rng.chance(0.01 * faults)) {
            harness.view.topics["t1"].partitions++;
            harness.publish();
        }
        check();
    }

    void beat(Client& client, bool lose_answer, bool fail_append) {
        protocol::ConsumerGroupHeartbeatRequest request;
        request.group_id = "g";
        request.member_id = client.id;
        request.member_epoch = client.epoch;
        if (client.full_next) {
            request.rebalance_timeout_ms = 3'000;
            request.subscribed_topic_names.emplace();
            request.subscribed_topic_names->emplace_back("t1");
            if (client.id != "m0") request.subscribed_topic_names->emplace_back("t2");
        }
        request.topic_partitions.emplace();
        for (const auto& [topic, partitions] : client.owned)
            request.topic_partitions->push_back({topic, partitions});
        RequestContext context{1, "c", "/127.0.0.1"};
        Effects effects;
        auto response =
            harness.machine->consumer_group_heartbeat(context, request, harness.now, effects);
        if (fail_append && !effects.records.empty()) {
            if (effects.after) effects.after(ErrorCode::coordinator_not_available, effects);
            client.full_next = true;
            return;
        }
        harness.settle(std::move(effects));
        if (lose_answer) {
            client.full_next = true;
            return;
        }
        if (response.error_code != 0) {
            auto error = static_cast<ErrorCode>(response.error_code);
            bool known = error == ErrorCode::fenced_member_epoch ||
                         error == ErrorCode::unknown_member_id ||
                         error == ErrorCode::group_id_not_found;
            CHECK(known);
            return abandon(client);
        }
        client.in_group = true;
        client.full_next = false;
        client.epoch = response.member_epoch;
        client.heard_ms = harness.now.mono_ms;
        if (!response.assignment) return;
        client.owned.clear();
        for (const auto& topic : response.assignment->topic_partitions)
            client.owned[topic.topic_id] = topic.partitions;
    }

    void leave(Client& client) {
        protocol::ConsumerGroupHeartbeatRequest request;
        request.group_id = "g";
        request.member_id = client.id;
        request.member_epoch = kLeaveEpoch;
        RequestContext context{1, "c", "/127.0.0.1"};
        Effects effects;
        harness.machine->consumer_group_heartbeat(context, request, harness.now, effects);
        harness.settle(std::move(effects));
        abandon(client);
    }

    static void abandon(Client& client) { client = {.id = client.id}; }

    void check() {
        std::string difference = harness.replay_difference();
        CHECK_MESSAGE(difference.empty(), difference);
        std::map<std::pair<Uuid, PartitionIndex>, int> owners;
        for (const Client& client : clients)
            each(client.owned, [&](const Uuid& t, PartitionIndex p) { owners[{t, p}]++; });
        for (auto& [tp, n] : owners) CHECK(n == 1);
    }

    bool settled() const {
        auto at = harness.machine->table().groups.find("g");
        if (at == harness.machine->table().groups.end()) return false;
        const auto& group = std::get<ConsumerGroup>(at->second);
        if (group.state() != ConsumerState::stable || group.members().size() != clients.size())
            return false;
        size_t owned = 0;
        for (const Client& client : clients) owned += count(client.owned);
        size_t all = 0;
        for (const auto& [name, topic] : harness.view.topics)
            all += static_cast<size_t>(topic.partitions);
        return owned == all;
    }

    Rng rng;
    Harness harness;
    std::vector<Client> clients;
};

TEST_CASE(
    "random clients of the consumer protocol never share a partition, and settle when faults "
    "stop") {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        CAPTURE(seed);
        World world{seed};
        for (int i = 0; i < 300; i++) world.step(1);
        int steps = 0;
        while (!world.settled() && steps < 2'000) {
            world.step(0);
            steps++;
        }
        CHECK(world.settled());
    }
}

// A consumer of the classic protocol; its assignment is the list of members that its leader saw.
class ClassicWorld {
public:
    explicit ClassicWorld(uint64_t seed) : rng(seed), harness(config()) {}
    static GroupConfig config() {
        GroupConfig c;
        c.group_initial_rebalance_delay_ms = 100;
        return c;
    }

    struct Member {
        std::string name;
        enum class Doing { nothing, joining, syncing, working } doing = Doing::nothing;
        std::string id;  // what it says about its id when it joins
    };

    // Plays commands through the harness and reads what comes out, as a client reads its answers.
    void play(const std::string& command) {
        // A classic group may be ahead of a record that was not committed, so the log is not compared here.
        for (const std::string& line : lines(harness.play("> " + command + "\n"))) hear(line);
    }
    static std::vector<std::string> lines(const std::string& text) {
        std::vector<std::string> out;
        size_t at = 0;
        for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
            out.push_back(text.substr(at, end - at));
        return out;
    }
    void hear(const std::string& line) {
        for (Member& member : members) {
            if (line.starts_with("  " + member.name + " waits")) return;
            if (line.starts_with("  " + member.name + " joined")) {
                member.doing = Member::Doing::syncing;
                return;
            }
            if (line.starts_with("  " + member.name + " synced")) {
                member.doing = Member::Doing::working;
                return;
            }
            if (line.starts_with("  " + member.name + ": ") && !line.ends_with(": NONE")) {
                member.doing = Member::Doing::nothing;
                if (line.ends_with("UNKNOWN_MEMBER_ID")) member.id = " id=new";
                if (line.ends_with("MEMBER_ID_REQUIRED")) member.id.clear();
                return;
            }
        }
    }
    void step(double faults) {
        if (rng.chance(0.05 * faults)) play("fail");
        play("wait " + std::to_string(rng.below(300)));
        Member& member = members[rng.below(members.size())];
        if (rng.chance(0.2 * faults)) return;  // silent
        if (rng.chance(0.03 * faults) && member.doing == Member::Doing::working) {
            play("leave " + member.name);
            member.doing = Member::Doing::nothing;
            return;
        }
        switch (member.doing) {
            case Member::Doing::nothing:
                member.doing = Member::Doing::joining;
                return play("join " + member.name + " v=5 session=6000 rebalance=8000" + member.id);
            case Member::Doing::joining:
                return;
            case Member::Doing::syncing:
                return play("sync " + member.name + " assign=a:x,b:y,c:z");
            case Member::Doing::working:
                return play("beat " + member.name);
        }
    }
    bool settled() {
        bool working = std::ranges::all_of(
            members, [](const Member& m) { return m.doing == Member::Doing::working; });
        return working && harness.play("> show\n").find("Stable") != std::string::npos;
    }

    Rng rng;
    Harness harness;
    std::vector<Member> members{{"a"}, {"b"}, {"c"}};
};

TEST_CASE("random clients of the classic protocol settle when faults stop") {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        CAPTURE(seed);
        ClassicWorld world{seed};
        for (int i = 0; i < 200; i++) world.step(1);
        int steps = 0;
        while (!world.settled() && steps < 1'000) {
            world.step(0);
            steps++;
        }
        CHECK(world.settled());
    }
}

}  // namespace
}  // namespace millrace::group
