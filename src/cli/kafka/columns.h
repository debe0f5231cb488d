// Tables as Kafka's tools about groups print them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output/console.h"

namespace millrace::cli::kafka {

// Rows whose columns have a least width, and grow with what is in them where they may; the last
// one is not filled up when its width is 0.
struct Columns {
    std::vector<size_t> widths;
    std::vector<bool> grows;
    std::vector<std::vector<std::string>> rows;

    void add(std::string_view name, size_t width, bool growing = false) {
        if (rows.empty()) rows.emplace_back();
        rows[0].emplace_back(name);
        widths.push_back(width);
        grows.push_back(growing);
    }
    // The column is at least so wide.
    void make_room(size_t column, size_t width) {
        widths[column] = std::max(widths[column], width);
    }
    void print(const Console& console) {
        for (const auto& row : rows)
            for (size_t i = 0; i != row.size(); ++i)
                if (grows[i]) widths[i] = std::max(widths[i], row[i].size());
        for (const auto& row : rows) {
            std::string line;
            for (size_t i = 0; i != row.size(); ++i)
                line += fmt::format("{}{:<{}}", i == 0 ? "" : " ", row[i], widths[i]);
            console.line(line);
        }
    }
};

}  // namespace millrace::cli::kafka
