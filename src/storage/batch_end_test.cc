#include "storage/batch_end.h"

#include <doctest/doctest.h>

#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

TEST_CASE("a place between two batches is known from the batch that ends there") {
    TestPlace place;
    // Sizes around what is read at once.
    std::string bytes;
    std::vector<std::pair<uint64_t, Offset>> ends;
    Offset offset = 0;
    for (const std::string& value :
         {std::string{"a"}, std::string(5000, 'b'), std::string(3000, '\0'),
          std::string(70'000, 'c'), std::string(1'200'000, 'd'), std::string{"e"}}) {
        bytes += as_text(make_batch(2, value, {.base_offset = offset}));
        offset += 2;
        ends.emplace_back(bytes.size(), offset);
    }
    const std::string path = place.root + "/file";
    const auto at = [&](uint64_t position) {
        auto file = place.disk.open(path, runtime::OpenMode::read);
        REQUIRE(file.has_value());
        const auto found = place.run(offset_behind(**file, position));
        REQUIRE(found.has_value());
        return *found;
    };
    REQUIRE(place.disk.write_file(path, bytes + "torn").has_value());
    CHECK_FALSE(at(0).has_value());
    CHECK_FALSE(at(bytes.size() + 4).has_value());
    CHECK_FALSE(at(bytes.size() + 5).has_value());
    for (const auto& [end, next] : ends) {
        CAPTURE(end);
        CHECK(at(end) == next);
        CHECK_FALSE(at(end - 1).has_value());
        CHECK_FALSE(at(end + 1).has_value());
    }
    // Only sound batches count, however their headers look.
    for (const auto& [end, next] : ends) {
        std::string damaged = bytes;
        damaged[end - 3] = static_cast<char>(damaged[end - 3] ^ 1);
        REQUIRE(place.disk.write_file(path, damaged).has_value());
        CHECK_FALSE(at(end).has_value());
    }
}
