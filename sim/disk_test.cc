#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

struct OneNode {
    explicit OneNode(Simulation& s) : sim(s) { boot(); }
    void boot() {
        node.start([](Context& context) -> Task<void> { co_await context.loop.sleep_for(1000h); });
    }
    // A task of the node, to its end.
    template <typename T>
    T run(Task<T> task) {
        return *sim.run(node.loop(), std::move(task));
    }
    Simulation& sim;
    SimFabric fabric{sim};
    SimNode node{sim, fabric, "node"};
};

Result<void> write_text(File& file, uint64_t position, std::string_view text) {
    const ByteView part = as_bytes(text);
    return file.write_at(position, {&part, 1});
}

Task<Result<void>> write_synced(Disk& disk, std::string path, std::string text) {
    CO_TRY(const auto file, disk.open(path, OpenMode::create));
    CO_TRY_OK(write_text(*file, 0, text));
    co_return co_await file->sync();
}

// Appends numbered blocks, some of them synced; tells how much was acked as durable.
Task<Result<void>> append_blocks(Disk& disk, Rng& rng, uint64_t& written, uint64_t& durable) {
    CO_TRY(const auto file, disk.open("/log", OpenMode::create));
    CO_TRY_OK(co_await disk.sync_directory("/"));
    for (;;) {
        const std::string block(rng.below(9000) + 1, static_cast<char>('a' + rng.below(26)));
        CO_TRY_OK(write_text(*file, written, block));
        written += block.size();
        if (!rng.chance(0.3)) continue;
        const uint64_t before = written;
        CO_TRY_OK(co_await file->sync());
        durable = before;
    }
}

}  // namespace

SIM_TEST("the disk behaves as a file system") {
    OneNode one{sim};
    SimDisk& disk = one.node.disk();
    CHECK(disk.make_directories("a/b").has_value());
    CHECK(disk.write_file("/a/b/two", "22").has_value());
    CHECK(disk.write_file("a/b/one", "1").has_value());
    CHECK(disk.write_file("/a/bc", "3").has_value());
    CHECK(disk.list("/a")->size() == 2);
    CHECK((*disk.list("/a/b"))[0].name == "one");
    CHECK((*disk.list("/"))[0].is_directory);
    CHECK(disk.rename("/a/b/two", "/a/b/one").has_value());
    CHECK(*disk.read_file("/a/b/one", 2) == "22");
    CHECK(disk.read_file("/a/b/one", 1).code() == ErrorCode::io_error);
    CHECK(disk.rename("/a/b", "/c").has_value());
    CHECK(disk.list("/a")->size() == 1);
    CHECK(*disk.read_file("/c/one", 9) == "22");
    CHECK(disk.info("/a/b").code() == ErrorCode::not_found);
    CHECK(disk.open("/none/x", OpenMode::create).code() == ErrorCode::not_found);
    CHECK(disk.remove("/c").code() == ErrorCode::io_error);
    CHECK(one.run(disk.remove_all("/c")).has_value());
    CHECK(disk.info("/c").code() == ErrorCode::not_found);
    auto held = disk.lock("/.lock");
    CHECK(disk.lock("/.lock").code() == ErrorCode::already_exists);
    held->reset();
    CHECK(disk.lock("/.lock").has_value());
}

SIM_TEST("a killed process loses nothing") {
    OneNode one{sim};
    uint64_t written = 0;
    uint64_t durable = 0;
    Rng rng{sim.seed()};
    one.node.spawn([](Disk& disk, Rng& r, uint64_t& w, uint64_t& d) -> Task<void> {
        CHECK((co_await append_blocks(disk, r, w, d)).has_value());
    }(one.node.disk(), rng, written, durable));
    sim.run_for(sim.between(0ms, 50ms));
    const uint64_t before = one.node.disk().fingerprint();
    one.node.kill();
    one.boot();
    CHECK(one.node.disk().fingerprint() == before);
}

SIM_TEST("a power cut keeps all that was synced, and of the rest what is new or zero") {
    OneNode one{sim};
    uint64_t written = 0;
    uint64_t durable = 0;
    Rng rng{sim.seed()};
    one.node.spawn([](Disk& disk, Rng& r, uint64_t& w, uint64_t& d) -> Task<void> {
        CHECK((co_await append_blocks(disk, r, w, d)).has_value());
    }(one.node.disk(), rng, written, durable));
    sim.run_for(sim.between(5ms, 50ms));
    const std::string before = *one.node.disk().read_file("/log", size_t{1} << 30);
    one.node.power_cut();
    one.boot();
    const auto after = one.node.disk().read_file("/log", size_t{1} << 30);
    REQUIRE(after.has_value());
    REQUIRE(after->size() >= durable);
    CHECK(after->size() <= before.size());
    CHECK(after->substr(0, durable) == before.substr(0, durable));
    for (size_t i = durable; i < after->size(); ++i)
        if ((*after)[i] != before[i] && (*after)[i] != 0)
            FAIL("byte ", i, " is neither new nor zero");
}

TEST_CASE("over many seeds a power cut does lose, keep and tear what was not synced") {
    int lost = 0;
    int kept = 0;
    int partial = 0;
    for (uint64_t seed = 1; seed != 200; ++seed) {
        Simulation sim{seed};
        OneNode one{sim};
        SimDisk& disk = one.node.disk();
        CHECK(one.run(write_synced(disk, "/f", "")).has_value());
        CHECK(one.run(disk.sync_directory("/")).has_value());
        const std::string text(20'000, 'x');
        CHECK(write_text(**disk.open("/f", OpenMode::write), 0, text).has_value());
        one.node.power_cut();
        const std::string after = *disk.read_file("/f", 1 << 20);
        if (after == text)
            ++kept;
        else if (!after.contains('x'))
            ++lost;
        else
            ++partial;
    }
    CHECK(lost > 10);
    CHECK(kept > 2);
    CHECK(partial > 10);
}

SIM_TEST(
    "a replaced file is the old or the new one after a power cut, and the new one once acked") {
    OneNode one{sim};
    SimDisk& disk = one.node.disk();
    CHECK(one.run(disk.replace_file("/state", "old")).has_value());
    bool acked = false;
    one.node.spawn([](Disk& d, bool& a) -> Task<void> {
        a = (co_await d.replace_file("/state", "new")).has_value();
    }(disk, acked));
    sim.run_for(sim.between(0ms, 5ms));
    one.node.power_cut();
    const std::string after = *disk.read_file("/state", 10);
    CHECK((after == "new" || (!acked && after == "old")));
}

SIM_TEST("names that were not synced may be lost, in the order they were made") {
    OneNode one{sim};
    SimDisk& disk = one.node.disk();
    for (int i = 0; i != 10; ++i) CHECK(disk.write_file(fmt::format("/f{}", i), "x").has_value());
    CHECK(one.run(disk.sync_directory("/")).has_value());
    for (int i = 10; i != 20; ++i) CHECK(disk.write_file(fmt::format("/f{}", i), "x").has_value());
    one.node.power_cut();
    bool missing = false;
    for (int i = 0; i != 20; ++i) {
        const bool there = disk.info(fmt::format("/f{}", i)).has_value();
        if (i < 10) CHECK(there);
        if (missing) CHECK_FALSE(there);
        missing |= !there;
    }
}

SIM_TEST("each fault does what it says, and nothing when it is off") {
    OneNode one{sim};
    SimDisk& disk = one.node.disk();
    CHECK(one.run(write_synced(disk, "/f", std::string(5000, 'a'))).has_value());
    CHECK(one.run(disk.sync_directory("/")).has_value());
    auto file = *disk.open("/f", OpenMode::write);
    std::vector<uint8_t> buffer(5000);

    disk.faults.read_error = 1;
    CHECK(one.run(file->read_at(0, buffer)).code() == ErrorCode::device_failed);
    disk.faults = {};
    disk.dead = {"/f"};
    CHECK(write_text(*file, 0, "b").code() == ErrorCode::device_failed);
    CHECK(disk.open("/f", OpenMode::read).code() == ErrorCode::device_failed);
    disk.dead.clear();
    disk.faults.cold_chance = 1;
    CHECK(file->read_at_now(0, buffer).code() == ErrorCode::would_block);
    disk.faults = {};
    disk.faults.write_error = 1;
    CHECK(write_text(*file, 0, "b").code() == ErrorCode::device_failed);
    disk.faults = {};
    disk.faults.capacity = 10'000;
    CHECK(write_text(*file, 5000, std::string(6000, 'c')).code() == ErrorCode::no_space);
    CHECK(write_text(*file, 5000, std::string(5000, 'c')).has_value());
    CHECK(disk.space("/")->free == 0);
    CHECK(disk.open("/g", OpenMode::create).code() == ErrorCode::no_space);
    disk.faults = {};
    disk.faults.stall_chance = 1;
    const TimePoint began = sim.now();
    for (int i = 0; i != 10; ++i) CHECK(one.run(file->sync()).has_value());
    CHECK(sim.now() - began > 5s);
    disk.faults = {};
    CHECK(*one.run(file->read_at(0, buffer)) == 5000);
    const std::vector<uint8_t> before = buffer;
    disk.faults.flip_chance = 1;
    CHECK(*one.run(file->read_at(0, buffer)) == 5000);
    int flipped = 0;
    for (size_t i = 0; i != 5000; ++i) flipped += std::popcount(unsigned{before[i]} ^ buffer[i]);
    CHECK(flipped == 1);

    // After a failed sync the next one succeeds, but what the first one dropped is not durable.
    disk.faults = {};
    CHECK(write_text(*file, 0, std::string(5000, 'd')).has_value());
    disk.faults.sync_error = 1;
    CHECK(one.run(file->sync()).code() == ErrorCode::device_failed);
    disk.faults = {};
    CHECK(one.run(file->sync()).has_value());
    file.reset();
    one.node.power_cut();
    CHECK_FALSE(disk.read_file("/f", 1 << 20)->contains('d'));
}
