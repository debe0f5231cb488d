#include "streams/state/task_database.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "streams/errors.h"

using namespace millrace::streams;

namespace {

// A directory of the test's own, gone with it.
struct Directory {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("millrace-streams-{}", ::getpid());
    ~Directory() { std::filesystem::remove_all(path); }
};

std::string content(OrderedBytes& bytes, BytesView from, NullableView to, bool backward) {
    std::string out;
    for (auto it = bytes.range(from, to, backward); it->valid(); it->next())
        out += fmt::format("{}={} ", it->key(), it->value());
    return out;
}

}  // namespace

TEST_CASE("stores on disk are ordered, apart from each other, and still there after reopening") {
    const Directory directory;
    const StateMemory memory(size_t{8} << 20);
    {
        TaskDatabase database(directory.path, memory);
        const auto a = database.open_store("a");
        const auto b = database.open_store("b");
        for (const char* key : {"k3", "k1", "\xff", "k2", ""}) a->put(key, std::string("v") + key);
        b->put("k1", "other");
        CHECK(a->get("k2") == "vk2");
        CHECK_FALSE(a->get("k").has_value());
        CHECK(content(*a, "k1", "k3", false) == "k1=vk1 k2=vk2 ");
        CHECK(content(*a, "k1", "k3", true) == "k2=vk2 k1=vk1 ");
        CHECK(content(*a, "k2", std::nullopt, true) == "\xff=v\xff k3=vk3 k2=vk2 ");
        a->erase("k1");
        a->erase_range("k3", "l");
        CHECK(content(*a, "", std::nullopt, false) == "=v k2=vk2 \xff=v\xff ");
        CHECK_FALSE(database.position("a").has_value());
        database.set_position("a", 42);
        database.flush();
    }
    TaskDatabase database(directory.path, memory);
    CHECK(database.position("a") == 42);
    CHECK(content(*database.open_store("a"), "", std::nullopt, false) == "=v k2=vk2 \xff=v\xff ");
    CHECK(content(*database.open_store("b"), "", std::nullopt, false) == "k1=other ");
    database.wipe("a");
    CHECK_FALSE(database.position("a").has_value());
    CHECK(content(*database.open_store("a"), "", std::nullopt, false).empty());
}

TEST_CASE("a state directory that is in use is refused") {
    const Directory directory;
    const StateMemory memory(size_t{8} << 20);
    const TaskDatabase first(directory.path, memory);
    CHECK_THROWS_AS(TaskDatabase(directory.path, memory), ProcessorStateException);
}
