#include <zlib.h>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "protocol/golden_test.h"

namespace millrace::protocol::golden {

namespace {

namespace dom = simdjson::dom;

// The rows of a gzipped file of tab-separated values.
std::vector<std::vector<std::string>> read_rows(const std::string& name) {
    const std::string path = "tests/data/golden/" + name;
    gzFile file = gzopen(path.c_str(), "rb");
    REQUIRE_MESSAGE(file != nullptr, path);
    std::string text;
    char chunk[65536];
    for (int n; (n = gzread(file, chunk, sizeof chunk)) > 0;)
        text.append(chunk, static_cast<size_t>(n));
    gzclose(file);
    std::vector<std::vector<std::string>> rows;
    std::string_view rest = text;
    const auto cut = [](std::string_view& from, char at) {
        const size_t end = std::min(from.find(at), from.size());
        const std::string_view head = from.substr(0, end);
        from.remove_prefix(std::min(end + 1, from.size()));
        return head;
    };
    while (!rest.empty()) {
        std::string_view line = cut(rest, '\n');
        auto& row = rows.emplace_back();
        while (!line.empty()) row.emplace_back(cut(line, '\t'));
    }
    REQUIRE(!rows.empty());
    return rows;
}

std::vector<uint8_t> from_hex(std::string_view hex) {
    const auto digit = [](char c) {
        return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    };
    std::vector<uint8_t> out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        out.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    }
    return out;
}

int16_t to_i16(const std::string& s) {
    return static_cast<int16_t>(std::stoi(s));
}

bool same(dom::element a, dom::element b, std::string path, std::string& why) {
    if (a.type() != b.type()) {
        // A double that is whole prints without a point in one of the two.
        double x = 0;
        double y = 0;
        if (a.get(x) == simdjson::SUCCESS && b.get(y) == simdjson::SUCCESS && x == y) return true;
        why = path + ": types differ";
        return false;
    }
    if (a.is_object()) {
        dom::object x = a;
        dom::object y = b;
        if (x.size() != y.size()) {
            why = fmt::format("{}: {} members and {}", path, x.size(), y.size());
            return false;
        }
        for (const auto [key, value] : x) {
            dom::element other;
            if (y.at_key(key).get(other) != simdjson::SUCCESS) {
                why = fmt::format("{}: no {}", path, key);
                return false;
            }
            if (!same(value, other, fmt::format("{}.{}", path, key), why)) return false;
        }
        return true;
    }
    if (a.is_array()) {
        dom::array x = a;
        dom::array y = b;
        if (x.size() != y.size()) {
            why = fmt::format("{}: {} elements and {}", path, x.size(), y.size());
            return false;
        }
        for (size_t i = 0; i < x.size(); ++i) {
            if (!same(x.at(i), y.at(i), fmt::format("{}[{}]", path, i), why)) return false;
        }
        return true;
    }
    if (simdjson::minify(a) == simdjson::minify(b)) return true;
    why = fmt::format("{}: {} and {}", path, simdjson::minify(a), simdjson::minify(b));
    return false;
}

}  // namespace

const std::vector<Vector>& vectors() {
    static const std::vector<Vector> all = [] {
        std::vector<Vector> out;
        for (auto& r : read_rows("messages.tsv.gz")) {
            REQUIRE(r.size() == 6);
            out.push_back({r[0], to_i16(r[1]), r[2], from_hex(r[3]), from_hex(r[4]), r[5]});
        }
        return out;
    }();
    return all;
}

const std::vector<Frames>& frames() {
    static const std::vector<Frames> all = [] {
        std::vector<Frames> out;
        for (auto& r : read_rows("frames.tsv.gz")) {
            REQUIRE(r.size() == 9);
            out.push_back({r[0], to_i16(r[1]), to_i16(r[2]), std::stoi(r[3]), to_i16(r[4]),
                           to_i16(r[5]), r[6], from_hex(r[7]), from_hex(r[8])});
        }
        return out;
    }();
    return all;
}

bool same_json(std::string_view a, std::string_view b, std::string& why) {
    dom::parser one;
    dom::parser two;
    dom::element x;
    dom::element y;
    if (one.parse(a.data(), a.size()).get(x) != simdjson::SUCCESS ||
        two.parse(b.data(), b.size()).get(y) != simdjson::SUCCESS) {
        why = "not JSON";
        return false;
    }
    return same(x, y, "", why);
}

}  // namespace millrace::protocol::golden
