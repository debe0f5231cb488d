#include "base/metrics_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace millrace::metrics {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
    constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
    if (value == std::floor(value) && std::fabs(value) <= kExactIntegers)
        return fmt::format("{}", static_cast<int64_t>(value));
    return fmt::format("{}", value);
}

// name{a="b",le="c"} value
void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   const Labels& labels, std::string_view le, std::string_view value) {
    (out += name) += suffix;
    char separator = '{';
    const auto append_label = [&](std::string_view label, std::string_view text) {
        out += separator;
        separator = ',';
        (out += label) += "=\"";
        append_escaped(out, text, true);
        out += '"';
    };
    for (const auto& [label, text] : labels) append_label(label, text);
    if (!le.empty()) append_label("le", le);
    if (separator == ',') out += '}';
    ((out += ' ') += value) += '\n';
}

void append_histogram(std::string& out, std::string_view name, const Family& family,
                      const Labels& labels, const Sample& sample) {
    const Histogram& h = *sample.histogram;
    for (int bits = family.shape.first_bits; bits <= family.shape.last_bits; ++bits) {
        const std::string le = number(std::ldexp(family.shape.unit, bits));
        append_sample(out, name, "_bucket", labels, le,
                      fmt::format("{}", h.count_up_to_power(bits)));
    }
    const std::string count = fmt::format("{}", h.count());
    append_sample(out, name, "_bucket", labels, "+Inf", count);
    append_sample(out, name, "_sum", labels, "",
                  number(static_cast<double>(h.sum()) * family.shape.unit));
    append_sample(out, name, "_count", labels, "", count);
}

}  // namespace

std::string to_prometheus(const Snapshot& snapshot) {
    constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
    std::string out;
    for (const auto& [name, family] : snapshot.families) {
        if (family.samples.empty()) continue;
        fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
        append_escaped(out, family.help, false);
        fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name,
                       kTypes[static_cast<size_t>(family.kind)]);
        for (const auto& [labels, sample] : family.samples) {
            if (family.kind == Kind::histogram) {
                append_histogram(out, name, family, labels, sample);
            } else {
                append_sample(out, name, "", labels, "", number(sample.value));
            }
        }
    }
    return out;
}

}  // namespace millrace::metrics
