// config/properties.h: Java's .properties format, as server.properties and meta.properties are
// written.
//
//   natural line   ends at \n, \r or \r\n; blank lines and lines that begin with # or ! (after
//                  blanks) say nothing
//   logical line   natural lines joined where one ends in an odd number of backslashes; blanks
//                  that begin the next are dropped
//   key, value     the key ends at the first unescaped '=', ':' or blank (space, tab, form feed);
//                  blanks around one '=' or ':' are dropped
//   escapes        \t \n \r \f, \uXXXX (UTF-16 units; pairs are joined), \<other> = other
//
// Bytes outside ASCII are taken as UTF-8 as they are (Java reads Latin-1; tools since write UTF-8).
// Pure functions. Errors: malformed (a bad \u escape), with the line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::config {

struct Property {
    std::string name;
    std::string value;
    int line;  // where its logical line begins, from 1
};

// All of them, in the order of the text; the same name may stand twice (Java: the last wins).
Result<std::vector<Property>> parse_properties(std::string_view text);
// One line, with its \n, that parse_properties() reads back as exactly this.
std::string format_property(std::string_view name, std::string_view value);

}  // namespace millrace::config
