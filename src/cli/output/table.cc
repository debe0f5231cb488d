#include "cli/output/table.h"

#include "base/check.h"
#include "base/utf8.h"

namespace millrace::cli {
namespace {

constexpr std::string_view kGap = "  ";

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// A cell is one line, and must not send commands to the terminal.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (is_control(c))
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    return out;
}

template <typename... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

}  // namespace

size_t display_width(std::string_view text) {
    size_t width = 0;
    for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return width;
}

std::string json_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const char c = text.front();
        const size_t bytes = utf8_length(text);
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (is_control(c))
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else if (bytes == 0)
            out += kReplacementCharacter;
        else
            out += text.substr(0, bytes);
        text.remove_prefix(std::max<size_t>(bytes, 1));
    }
    return out + '"';
}

bool Value::is_number() const {
    return std::holds_alternative<int64_t>(held_) || std::holds_alternative<double>(held_);
}

std::string Value::text() const {
    return std::visit(Overloaded{
                          [](std::monostate) { return std::string{"-"}; },
                          [](bool v) { return std::string{v ? "yes" : "no"}; },
                          [](int64_t v) { return fmt::to_string(v); },
                          [](double v) { return fmt::format("{}", v); },
                          [](const std::string& v) { return printable(v); },
                          [](const List& v) {
                              std::string out;
                              for (const Value& one : v)
                                  (out += out.empty() ? "" : ",") += one.text();
                              return out.empty() ? std::string{"-"} : out;
                          },
                          [](const Fields& v) {
                              std::string out;
                              for (const auto& [key, one] : v)
                                  out += fmt::format("{}{}={}", out.empty() ? "" : ",",
                                                     printable(key), one.text());
                              return out.empty() ? std::string{"-"} : out;
                          },
                      },
                      held_);
}

void Value::write_json(std::string& out) const {
    std::visit(Overloaded{
                   [&](std::monostate) { out += "null"; },
                   [&](bool v) { out += v ? "true" : "false"; },
                   [&](int64_t v) { out += fmt::to_string(v); },
                   [&](double v) { out += fmt::format("{}", v); },
                   [&](const std::string& v) { out += json_string(v); },
                   [&](const List& v) {
                       out += '[';
                       for (size_t i = 0; i != v.size(); ++i) {
                           if (i != 0) out += ',';
                           v[i].write_json(out);
                       }
                       out += ']';
                   },
                   [&](const Fields& v) {
                       out += '{';
                       for (size_t i = 0; i != v.size(); ++i) {
                           if (i != 0) out += ',';
                           (out += json_string(v[i].first)) += ':';
                           v[i].second.write_json(out);
                       }
                       out += '}';
                   },
               },
               held_);
}

void Table::add(std::vector<Value> row) {
    INVARIANT(row.size() == columns_.size());
    rows_.push_back(std::move(row));
}

std::string Table::text(bool color) const {
    struct Layout {
        size_t width;
        bool right = true;
    };
    std::vector<Layout> layout;
    for (const std::string& name : columns_)
        layout.push_back({display_width(name), !rows_.empty()});
    std::vector<std::vector<std::string>> lines(1);
    for (std::string heading : columns_) {
        std::ranges::transform(heading, heading.begin(), [](char c) {
            return c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        lines[0].push_back(std::move(heading));
    }
    for (const std::vector<Value>& row : rows_) {
        std::vector<std::string>& line = lines.emplace_back();
        for (size_t i = 0; i != row.size(); ++i) {
            line.push_back(row[i].text());
            layout[i].width = std::max(layout[i].width, display_width(line.back()));
            if (!row[i].is_number() && !row[i].is_nothing()) layout[i].right = false;
        }
    }
    std::string out;
    for (size_t n = 0; n != lines.size(); ++n) {
        std::string line;
        for (size_t i = 0; i != columns_.size(); ++i) {
            const std::string pad(layout[i].width - display_width(lines[n][i]), ' ');
            if (i != 0) line += kGap;
            line += layout[i].right ? pad + lines[n][i] : lines[n][i] + pad;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += color && n == 0 ? fmt::format("\x1b[1m{}\x1b[0m\n", line) : line + '\n';
    }
    return out;
}

std::string Table::json() const {
    Value::List all;
    for (const std::vector<Value>& row : rows_) {
        Value::Fields fields;
        for (size_t i = 0; i != row.size(); ++i) fields.emplace_back(columns_[i], row[i]);
        all.push_back(std::move(fields));
    }
    std::string out;
    Value{std::move(all)}.write_json(out);
    return out;
}

}  // namespace millrace::cli
