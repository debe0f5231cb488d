#include "coordinator/partition_hash.h"

#include <doctest/doctest.h>

#include "base/java_text.h"

namespace millrace::coordinator {
namespace {

TEST_CASE("the hash is Java's") {
    struct Row {
        const char* text;
        int32_t hash;
    };
    // From `"...".hashCode()` in jshell.
    for (Row row :
         {Row{"", 0}, Row{"a", 97}, Row{"test", 3556498}, Row{"polygenelubricants", INT32_MIN},
          Row{"h\u00e9llo", 103094734}, Row{"\U0001F600", 1772899}}) {
        CAPTURE(row.text);
        CHECK(java_string_hash(row.text) == row.hash);
    }
}

TEST_CASE("the partition is the hash made non-negative, modulo the count") {
    CHECK(partition_for_key("test", 50) == 48);
    CHECK(partition_for_key("polygenelubricants", 50) == 0);
    CHECK(partition_for_key("g-consumer", 2) == 0);
    CHECK(partition_for_key("g-regex", 2) == 1);
}

}  // namespace
}  // namespace millrace::coordinator
