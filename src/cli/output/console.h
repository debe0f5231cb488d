// Where a command writes: results to `out`, what went wrong to `err`.
//
// Exit statuses of native commands: 0 done; 1 not done, or not all of it; 2 the command line was
// not understood. Kafka-named tools end as Kafka's do.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/output/table.h"

namespace millrace::cli {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisused = 2;

struct Console {
    std::FILE* out;
    std::FILE* err;
    bool color = false;        // of `out`
    bool json = false;         // tables for a program
    bool interactive = false;  // a person types, and reads what is shown

    void print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), out); }
    void line(std::string_view text) const {
        print(text);
        std::fputc('\n', out);
    }
    void error_line(std::string_view text) const {
        std::fwrite(text.data(), 1, text.size(), err);
        std::fputc('\n', err);
    }
    void show(const Table& table) const { json ? line(table.json()) : print(table.text(color)); }
    // "millrace: <what went wrong>", then `advice` on a line of its own when there is one. Returns
    // kFailed.
    int fail(const Error& error, std::string_view advice = {}) const;
};

// What `error` says to a person: its message, or its code's sentence.
std::string sentence(const Error& error);

}  // namespace millrace::cli
