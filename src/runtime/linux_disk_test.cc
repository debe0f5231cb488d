#include "runtime/linux_disk.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/linux_loop.h"
#include "runtime/scope.h"
#include "runtime/test_wait.h"

using namespace millrace;
using namespace millrace::runtime;

namespace {

struct Place {
    LinuxLoop loop;
    BlockingPool pool{2};
    LinuxDisk disk{pool};
    std::string root =
        std::filesystem::temp_directory_path() / ("millrace-disk-" + std::to_string(::getpid()));

    Place() { CHECK(disk.make_directories(root).has_value()); }
    ~Place() { CHECK(loop.run_for_result(disk.remove_all(root)).has_value()); }
};

MutableByteView room_in(std::string& text) {
    return {reinterpret_cast<uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("what is written in many parts is read back, to the end of the file") {
    Place place;
    place.loop.run([](Place& p) -> Task<void> {
        auto file = *p.disk.open(p.root + "/f", OpenMode::create);
        std::vector<std::string> pieces;
        std::vector<ByteView> parts;
        std::string all_text;
        for (int i = 0; i != 1000; ++i)
            pieces.push_back(std::string(i % 17, static_cast<char>('a' + i % 26)));
        for (const std::string& piece : pieces) {
            parts.push_back(as_bytes(piece));
            all_text += piece;
        }
        CHECK(file->write_at(10, parts).has_value());
        CHECK(*file->size() == all_text.size() + 10);
        std::string back(all_text.size() + 100, 0);
        CHECK(*co_await file->read_at(10, room_in(back)) == all_text.size());
        CHECK(back.substr(0, all_text.size()) == all_text);
        CHECK(*file->read_at_now(10, room_in(back)) == all_text.size());
        CHECK(*file->read_at_now(1'000'000, room_in(back)) == 0);
        CHECK((co_await file->sync()).has_value());
        CHECK(file->reserve(1 << 20).has_value());
        CHECK(*file->size() == all_text.size() + 10);
        CHECK(file->truncate(12).has_value());
        CHECK(*file->size() == 12);
    }(place));
}

TEST_CASE("directories: list, info, rename, remove, and what is not there") {
    Place place;
    Disk& disk = place.disk;
    const std::string dir = place.root + "/a/b";
    CHECK(disk.make_directories(dir).has_value());
    CHECK(disk.make_directories(dir).has_value());
    CHECK(disk.write_file(dir + "/two", "22").has_value());
    CHECK(disk.write_file(dir + "/one", "1").has_value());
    const auto entries = *disk.list(place.root + "/a/b");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].name == "one");
    CHECK((*disk.list(place.root + "/a"))[0].is_directory);
    CHECK(disk.info(dir + "/two")->size == 2);
    CHECK(disk.info(dir)->is_directory);
    CHECK(disk.rename(dir + "/two", dir + "/one").has_value());
    CHECK(*disk.read_file(dir + "/one", 2) == "22");
    CHECK(disk.read_file(dir + "/one", 1).code() == ErrorCode::io_error);
    CHECK(disk.info(dir + "/two").code() == ErrorCode::not_found);
    CHECK(disk.list(dir + "/none").code() == ErrorCode::not_found);
    CHECK(disk.open(dir + "/none", OpenMode::write).code() == ErrorCode::not_found);
    CHECK_FALSE(disk.remove(place.root + "/a").has_value());
    CHECK(disk.remove(dir + "/one").has_value());
    for (int twice = 0; twice != 2; ++twice)
        CHECK(place.loop.run_for_result(disk.remove_all(place.root + "/a")).has_value());
    CHECK(disk.space(place.root)->free > 0);
    CHECK(disk.space(place.root)->free <= disk.space(place.root)->total);
    CHECK(disk.open(dir, OpenMode::read).error().message.contains(dir));
}

TEST_CASE("a file is replaced as a whole, and no temporary file stays") {
    Place place;
    place.loop.run([](Place& p) -> Task<void> {
        const std::string path = p.root + "/state";
        for (const char* text : {"first", "second"}) {
            CHECK((co_await p.disk.replace_file(path, text)).has_value());
            CHECK(*p.disk.read_file(path, 100) == text);
        }
        CHECK((*p.disk.list(p.root)).size() == 1);
        CHECK((co_await p.disk.sync_directory(p.root)).has_value());
        CHECK((co_await p.disk.sync_directory(p.root + "/none")).code() == ErrorCode::not_found);
    }(place));
}

TEST_CASE("a lock is held until its object dies") {
    Place place;
    auto held = place.disk.lock(place.root + "/.lock");
    REQUIRE(held.has_value());
    CHECK(place.disk.lock(place.root + "/.lock").code() == ErrorCode::already_exists);
    held->reset();
    CHECK(place.disk.lock(place.root + "/.lock").has_value());
}

TEST_CASE("blocking work is waited for, or taken back, when its task is destroyed") {
    LinuxLoop loop;
    std::optional<BlockingPool> pool{std::in_place, 1};
    std::atomic<int> ran = 0;
    loop.run([](LinuxLoop& l, BlockingPool& p, std::atomic<int>& count) -> Task<void> {
        DroppingScope scope{l};
        for (int i = 0; i != 50; ++i)
            scope.spawn([](LinuxLoop& home, BlockingPool& q, std::atomic<int>& n) -> Task<void> {
                std::vector<int> memory(100);
                co_await run_blocking(q, home, [&memory, &n] {
                    ::usleep(300);
                    for (int& x : memory) x = ++n;
                    return 0;
                });
            }(l, p, count));
        CHECK(co_await eventually(l, [&] { return count > 0; }));
    }(loop, *pool, ran));
    const int then = ran;
    CHECK(then < 5000);
    CHECK(then % 100 == 0);
    pool.reset();  // its threads end, and what they had still to do would be done
    CHECK(ran == then);
}
