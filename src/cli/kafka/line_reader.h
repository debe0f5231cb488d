// Lines as the console producer reads them: "headers TAB key TAB value", of which headers and key
// are there only when it was told so. Pure.
//
//   parse.key, parse.headers   whether a line begins with them
//   key.separator, headers.delimiter, headers.separator, headers.key.separator   what ends each
//   null.marker                what stands for none, in a key, a value, or a header's value
//   ignore.error               a line without a separator is all value
//
// Kafka: LineMessageReader.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/kafka/properties.h"
#include "client/record.h"

namespace millrace::cli::kafka {

class LineReader {
public:
    // invalid_request, with Kafka's sentence: two separators are the same.
    static Result<LineReader> make(const Properties& properties);
    // The record of the next line; its views point into `line` and `headers`. invalid_request,
    // with Kafka's sentence.
    Result<client::Record> read(std::string_view line, std::vector<client::RecordHeader>& headers);

private:
    Result<void> cut(std::string_view line, std::string_view& rest, std::string_view separator,
                     std::string_view what, std::optional<std::string_view>& out) const;
    Result<void> read_headers(std::string_view text,
                              std::vector<client::RecordHeader>& headers) const;
    bool is_null(std::string_view text) const { return null_marker_ && text == *null_marker_; }

    bool parse_key_ = false;
    bool parse_headers_ = false;
    bool ignore_error_ = false;
    std::string key_separator_;
    std::string headers_delimiter_;
    std::string headers_separator_;
    std::string header_key_separator_;
    std::optional<std::string> null_marker_;
    uint64_t line_number_ = 0;
};

// Cuts the next line off: "\n", "\r\n" and "\r" end one. False when it is not there in whole; with
// `last`, what is left is a line unless it is empty.
bool next_line(std::string_view text, size_t& position, bool last, std::string_view& line);

}  // namespace millrace::cli::kafka
