#include "compare.h"

#include <algorithm>
#include <set>

#include "queries.h"

namespace millrace::difftest {
namespace {

class Comparison {
public:
    std::vector<std::string> all(const Json& expected, const Json& actual) {
        error(expected["error"], actual["error"]);
        describe(expected["describe"], actual["describe"]);
        list("outputs", expected["outputs"], actual["outputs"]);
        if (expected.has("internal")) list("internal", expected["internal"], actual["internal"]);
        list("log", expected["log"], actual["log"]);
        results(expected["results"], actual["results"]);
        if (!expected.has("error")) stores("stores", expected["stores"], actual["stores"]);
        return std::move(found_);
    }

private:
    void differs(const std::string& where, const Json& expected, const Json& actual) {
        found_.push_back(
            fmt::format("{}: expected {}, got {}", where, expected.to_text(), actual.to_text()));
    }
    void equal(const std::string& where, const Json& expected, const Json& actual) {
        if (expected != actual) differs(where, expected, actual);
    }

    // Java's checks of arguments differ in their class from one place to the next.
    static std::string kind_of(const std::string& name) {
        static const std::set<std::string, std::less<>> kArguments = {
            "IllegalArgumentException", "IllegalStateException",
            "NullPointerException",     "UnsupportedOperationException",
            "ConfigException",          "NumberFormatException",
            "ArithmeticException",      "StringIndexOutOfBoundsException"};
        return kArguments.contains(name) ? "argument" : name;
    }

    void error(const Json& expected, const Json& actual) {
        if (expected.is_null() && actual.is_null()) return;
        if (expected.is_null() || actual.is_null()) return differs("error", expected, actual);
        equal("error phase", expected["phase"], actual["phase"]);
        equal("error step", expected["step"], actual["step"]);
        const Json& ours = actual["classes"].list().back();
        const Json& theirs = expected["classes"].list().back();
        if (kind_of(ours.text()) != kind_of(theirs.text())) differs("error", expected, actual);
    }

    // The names behind an arrow have no order.
    static std::string with_sorted_names(const std::string& line) {
        size_t at = line.find("--> ");
        if (at == std::string::npos) at = line.find("<-- ");
        if (at == std::string::npos) return line;
        std::set<std::string> names;
        std::string_view rest = std::string_view(line).substr(at + 4);
        while (!rest.empty()) {
            const size_t comma = std::min(rest.find(", "), rest.size());
            names.emplace(rest.substr(0, comma));
            rest.remove_prefix(std::min(comma + 2, rest.size()));
        }
        return fmt::format("{}{}", line.substr(0, at + 4), fmt::join(names, ", "));
    }

    void describe(const Json& expected, const Json& actual) {
        const size_t lines = std::max(size_of(expected), size_of(actual));
        for (size_t i = 0; i < lines; ++i) {
            const auto line = [i](const Json& text) {
                return text[i].is_null() ? "(nothing)" : with_sorted_names(text[i].text());
            };
            if (line(expected) == line(actual)) continue;
            found_.push_back(fmt::format("describe line {}: expected \"{}\", got \"{}\"", i + 1,
                                         line(expected), line(actual)));
            return;
        }
    }

    static size_t size_of(const Json& list) { return list.is_null() ? 0 : list.list().size(); }

    void list(const std::string& what, const Json& expected, const Json& actual) {
        const size_t common = std::min(size_of(expected), size_of(actual));
        for (size_t i = 0; i < common; ++i)
            if (expected[i] != actual[i])
                return differs(fmt::format("{} {}", what, i), expected[i], actual[i]);
        if (size_of(expected) > common)
            differs(fmt::format("{} {}", what, common), expected[common], "nothing");
        if (size_of(actual) > common)
            differs(fmt::format("{} {}", what, common), "nothing", actual[common]);
    }

    void results(const Json& expected, const Json& actual) {
        if (size_of(expected) != size_of(actual))
            return differs("number of results", static_cast<int64_t>(size_of(expected)),
                           static_cast<int64_t>(size_of(actual)));
        for (size_t i = 0; i < size_of(expected); ++i) {
            const std::string where =
                fmt::format("result of step {}", expected[i]["step"].to_text());
            if (is_dump(actual[i]["result"]))
                stores(where, expected[i]["result"], actual[i]["result"]);
            else
                equal(where, expected[i], actual[i]);
        }
    }

    static bool is_dump(const Json& result) {
        return result.is_object() && !result.object().empty() &&
               result.object().begin()->second.has("kind");
    }

    void stores(const std::string& where, const Json& expected, const Json& actual) {
        std::set<std::string> names;
        for (const Json* side : {&expected, &actual})
            if (side->is_object())
                for (const auto& [name, each] : side->object()) names.insert(name);
        for (const std::string& name : names)
            store(where + " " + name, expected[name], actual[name]);
    }

    void store(const std::string& where, const Json& expected, const Json& actual) {
        if (expected.is_null() || actual.is_null()) return differs(where, expected, actual);
        if (expected.has("unreadable")) return;
        // What only its operation can read is not compared.
        if (actual["kind"] == Json("internal")) return;
        equal(where + " kind", expected["kind"], actual["kind"]);
        if (!expected.has("entries")) return;
        Json::List theirs = expected["entries"].list();
        Json::List ours = actual["entries"].list();
        sort_rows(theirs);
        sort_rows(ours);
        if (theirs != ours && actual.has("retention"))
            drop_expired(theirs, ours, actual["retention"].number());
        list(where, theirs, ours);
    }

    // Entries outside of the retention may be there or not.
    static void drop_expired(Json::List& theirs, Json::List& ours, int64_t retention) {
        const auto time = [](const Json& row) {
            return row.has("start") ? row["start"].number() : 0;
        };
        int64_t newest = 0;
        for (const auto* rows : {&theirs, &ours})
            for (const Json& row : *rows) newest = std::max(newest, time(row));
        for (auto* rows : {&theirs, &ours})
            std::erase_if(*rows, [&](const Json& row) { return time(row) <= newest - retention; });
    }

    std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> differences(const Json& expected, const Json& actual) {
    return Comparison().all(expected, actual);
}

}  // namespace millrace::difftest
