#include "client/telemetry/otlp.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::client;

namespace {

std::string hex(const std::vector<uint8_t>& bytes) {
    std::string out;
    for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

}  // namespace

// Written out by hand from the message definitions.
TEST_CASE("a gauge and a counter, byte for byte") {
    MetricList list("a-metrics");
    list.gauge("b", 1.0);
    list.begin_group("a-metrics", {{"node-id", "7"}});
    list.counter("c", 2.0);
    const auto bytes = encode_otlp(
        list.all(), {.resource = {{"group_id", "g"}}, .from = 1, .at = 2, .delta = true});
    const std::string gauge =
        "0a14"
        "6f72672e6170616368652e6b61666b612e612e62"  // name
        "2a14"
        "0a12"  // gauge, its point
        "19"
        "80841e0000000000"  // time 2'000'000
        "21"
        "000000000000f03f";  // 1.0
    // Lengths of what varies are filled in from the parts, as varints.
    const auto length = [](const std::string& text) {
        const size_t n = text.size() / 2;
        return n < 128 ? fmt::format("{:02x}", n)
                       : fmt::format("{:02x}{:02x}", n % 128 + 128, n / 128);
    };
    const std::string tag_value = "0a0137";
    const std::string tag =
        "0a07"
        "6e6f64655f6964"
        "12" +
        length(tag_value) + tag_value;
    const std::string point =
        "11"
        "40420f0000000000"
        "19"
        "80841e0000000000"
        "21"
        "0000000000000040"
        "3a" +
        length(tag) + tag;
    const std::string sum = "0a" + length(point) + point +
                            "1001"
                            "1801";
    const std::string second =
        "0a14"
        "6f72672e6170616368652e6b61666b612e612e63"
        "3a" +
        length(sum) + sum;
    const std::string label_value = "0a0167";
    const std::string label =
        "0a08"
        "67726f75705f6964"
        "12" +
        length(label_value) + label_value;
    const std::string resource = "0a" + length(label) + label;
    const std::string scope = "12" + length(gauge) + gauge + "12" + length(second) + second;
    const std::string all = "0a" + length(resource) + resource + "12" + length(scope) + scope;
    CHECK(hex(bytes) == "0a" + length(all) + all);
}
