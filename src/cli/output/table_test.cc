#include "cli/output/table.h"

#include <doctest/doctest.h>

namespace millrace::cli {

TEST_CASE("a table's columns are as wide as what is in them, numbers to the right") {
    Table table{{"topic", "under_replicated", "note"}};
    table.add({"orders", 12, Value{}});
    table.add({"a.longer.name", 3, "x"});
    CHECK(table.text(false) ==
          "TOPIC          UNDER REPLICATED  NOTE\n"
          "orders                       12  -\n"
          "a.longer.name                 3  x\n");
    CHECK(table.text(true).starts_with("\x1b[1mTOPIC"));
    CHECK_FALSE(table.text(false).contains('\x1b'));
}

TEST_CASE("an empty table is its heading, and an empty array") {
    const Table table{{"topic", "id"}};
    CHECK(table.text(false) == "TOPIC  ID\n");
    CHECK(table.json() == "[]");
}

TEST_CASE("what comes from outside cannot command the terminal or break the JSON") {
    Table table{{"value"}};
    table.add({"a\n\x1b[2J\x7f"});
    CHECK(table.text(false) == "VALUE\na\\n\\x1b[2J\\x7f\n");
    Table odd{{"value"}};
    odd.add({std::string{"quote \" back \\ \x01 \xff \xc3\xa9"}});
    CHECK(odd.json() == "[{\"value\":\"quote \\\" back \\\\ \\u0001 \xef\xbf\xbd \xc3\xa9\"}]");
}

TEST_CASE("values keep their kind in JSON") {
    Table table{{"n", "d", "b", "nothing", "list", "fields"}};
    table.add({-5, 0.5, true, Value{}, Value::List{1, "x"}, Value::Fields{{"k", 7}}});
    CHECK(table.json() ==
          R"([{"n":-5,"d":0.5,"b":true,"nothing":null,"list":[1,"x"],"fields":{"k":7}}])");
    CHECK(table.text(false) ==
          " N    D  B    NOTHING  LIST  FIELDS\n-5  0.5  yes        -  1,x   k=7\n");
}

TEST_CASE("width counts characters, not bytes") {
    CHECK(display_width("caf\xc3\xa9") == 4);
    Table table{{"a", "b"}};
    table.add({"\xc3\xa9", "x"});
    table.add({"ee", "y"});
    CHECK(table.text(false) == "A   B\n\xc3\xa9   x\nee  y\n");
}

}  // namespace millrace::cli
