#include "streams/task/commit_metadata.h"

#include <doctest/doctest.h>

#include "base/random.h"

using namespace millrace;
using namespace millrace::streams;

TEST_CASE("what stands beside an offset is Kafka's text") {
    const struct {
        CommitMetadata metadata;
        const char* text;
    } cases[] = {
        {{-1, {}}, "Av//////////"},
        {{0, {}}, "AgAAAAAAAAAA"},
        {{0, {{"win", 5}}}, "AgAAAAAAAAAAAAAAAQAAAAN3aW4AAAAAAAAABQ=="},
        {{1234567890123, {{"win", 5}}}, "AgAAAR9x+wTLAAAAAQAAAAN3aW4AAAAAAAAABQ=="},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        CHECK(encode_commit_metadata(c.metadata) == c.text);
        CHECK(decode_commit_metadata(c.text) == c.metadata);
    }
    CHECK(decode_commit_metadata("AgAAAAAAAAAHAAAAAgAAAAN3aW4AAAAAAAAABQAAABxLU1RSRUFNLUFHR1JFR0FU"
                                 "RS0wMDAwMDAwMDAx//////////8=") ==
          CommitMetadata{7, {{"win", 5}, {"KSTREAM-AGGREGATE-0000000001", -1}}});
    CHECK(decode_commit_metadata("AQAAAAAAAAAH") == CommitMetadata{7, {}});
    for (const char* unknown : {"", "xx", "AQAA", "AwAAAAAAAAAH", "*gAAAAAAAAAA"})
        CHECK(decode_commit_metadata(unknown) == CommitMetadata{});
}

TEST_CASE("any text is read, or stands for nothing") {
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        Rng rng(seed);
        CommitMetadata metadata{static_cast<TimestampMs>(rng.below(1'000'000)), {}};
        for (uint64_t n = rng.below(4); n > 0; --n)
            metadata.numbers[std::string(rng.below(5), 'a')] =
                static_cast<int64_t>(rng.below(1000)) - 500;
        std::string text = encode_commit_metadata(metadata);
        CHECK(decode_commit_metadata(text) == metadata);
        text[rng.below(text.size())] = static_cast<char>(rng.below(256));
        decode_commit_metadata(text);
        decode_commit_metadata(text.substr(0, rng.below(text.size())));
    }
}
