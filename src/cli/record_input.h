// Records as people and scripts write them: lines, or JSON objects, from a stream of bytes.
//
//   delimiter   ends a record ("\n" unless told; may be several bytes; "" is the whole input)
//   key         what comes before the first key delimiter, if one is given; without it in a line
//               the record has no key
//   empty       an empty key or value is an empty one, or none (a tombstone) where `empty_is_null`
//   JSON        {"key": .., "value": .., "headers": {..}, "partition": n, "timestamp": ms}; each
//               may be missing; a value that is no string is taken as the JSON text that it is
//
// Pure. Errors: malformed, with the number of the record.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/record.h"

namespace millrace::cli {

struct RecordFormat {
    std::string delimiter = "\n";
    std::string key_delimiter;  // empty: no keys
    bool empty_is_null = false;
    bool json = false;
};

// What one record was read from; the record's views point into it.
class ParsedRecord {
public:
    const client::Record& record() const { return record_; }

private:
    friend class RecordInput;
    client::Record record_;
    std::deque<std::string> texts_;
    std::vector<client::RecordHeader> headers_;
};

class RecordInput {
public:
    explicit RecordInput(RecordFormat format) : format_(std::move(format)) {}

    // The next record of `text` from `position` on, which moves behind it; false when it is not
    // there in whole. With `last` the rest is a record without its delimiter. The record's views
    // point into `text` and `out`.
    Result<bool> next(std::string_view text, size_t& position, bool last, ParsedRecord& out);
    uint64_t count() const { return count_; }

private:
    Result<void> parse_line(std::string_view line, ParsedRecord& out) const;
    Result<void> parse_json(std::string_view line, ParsedRecord& out) const;

    const RecordFormat format_;
    uint64_t count_ = 0;
};

// Backslash escapes of a command line: \n \t \0 \\ and \xHH. malformed.
Result<std::string> unescape(std::string_view text);

}  // namespace millrace::cli
