// What a command shows: rows under named columns, as a table for a person or as JSON for a program.
//
//   Table table{{"topic", "partitions"}};
//   table.add({"orders", 12});
//   console.show(table);        // TOPIC   PARTITIONS
//                               // orders          12
//
// A column's name is its JSON key (snake_case); the heading is the same in capitals. A column whose
// values are all numbers is aligned to the right. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace millrace::cli {

class Value {
public:
    using List = std::vector<Value>;
    using Fields = std::vector<std::pair<std::string, Value>>;

    Value() = default;  // nothing: "-" in a table, null in JSON
    Value(bool v) : held_(v) {}
    template <std::integral N>
        requires(!std::same_as<N, bool>)
    Value(N v) : held_(static_cast<int64_t>(v)) {}
    Value(double v) : held_(v) {}
    Value(std::string v) : held_(std::move(v)) {}
    Value(std::string_view v) : held_(std::string{v}) {}
    Value(const char* v) : held_(std::string{v}) {}
    Value(List v) : held_(std::move(v)) {}
    Value(Fields v) : held_(std::move(v)) {}

    bool is_number() const;
    bool is_nothing() const { return std::holds_alternative<std::monostate>(held_); }
    // For a cell: lists with commas, fields as key=value; control characters are escaped.
    std::string text() const;
    void write_json(std::string& out) const;

private:
    std::variant<std::monostate, bool, int64_t, double, std::string, List, Fields> held_;
};

// `text` as a JSON string, with its quotes. Bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

class Table {
public:
    explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
    // INVARIANT: a value for every column.
    void add(std::vector<Value> row);
    size_t size() const { return rows_.size(); }

    // A heading and a line for each row, columns as wide as what is in them. With `color` the
    // heading is bold.
    std::string text(bool color) const;
    // One array with an object for each row, on one line.
    std::string json() const;

private:
    std::vector<std::string> columns_;
    std::vector<std::vector<Value>> rows_;
};

// How many columns of a terminal `text` takes: characters, not bytes.
size_t display_width(std::string_view text);

}  // namespace millrace::cli
