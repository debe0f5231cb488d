// The other direction of the golden vectors: messages built field by field from Kafka's JSON encode
// to Kafka's bytes. It walks every struct with a visitor of its own, so it also proves that a new
// operation needs no generator change.
#include <bit>

#include <doctest/doctest.h>
#include <simdjson.h>

#include "protocol/all_walks.h"
#include "protocol/catalog.h"
#include "protocol/codec_visitors.h"
#include "protocol/golden_test.h"

namespace millrace::protocol {

namespace {

namespace dom = simdjson::dom;

std::vector<uint8_t> from_base64(std::string_view text) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<uint8_t> out;
    uint32_t bits = 0;
    int have = 0;
    for (const char c : text) {
        if (c == '=') break;
        bits = bits << 6 | static_cast<uint32_t>(kAlphabet.find(c));
        have += 6;
        if (have >= 8) out.push_back(static_cast<uint8_t>(bits >> (have -= 8)));
    }
    return out;
}

class JsonReader {
public:
    explicit JsonReader(dom::element in) : object_(in) {}

    template <typename T>
    void field(T& x, const Field& f) {
        dom::element e;
        if (object_.at_key(f.name).get(e) == simdjson::SUCCESS) value(x, e);
    }
    template <typename T, typename D>
    void field(T& x, const Field& f, const D&) {
        field(x, f);
    }
    template <typename T, typename D>
    void tag(T& x, const Field& f, const D&) {
        field(x, f);
    }

private:
    template <typename T>
        requires std::is_integral_v<T>
    static void value(T& x, dom::element e) {
        x = static_cast<T>(int64_t{e});
    }
    static void value(bool& x, dom::element e) { x = bool{e}; }
    static void value(double& x, dom::element e) { x = double{e}; }
    static void value(Uuid& x, dom::element e) { x = *Uuid::parse(std::string_view{e}); }
    static void value(Str& x, dom::element e) { x = std::string_view{e}; }
    static void value(Blob& x, dom::element e) { x = from_base64(std::string_view{e}); }
    static void value(Chain& x, dom::element e) {
        x = Chain(SharedBytes::own(from_base64(std::string_view{e})));
    }
    template <typename S>
        requires Walkable<S>
    static void value(S& x, dom::element e) {
        JsonReader inner(e);
        Walk<S>::fields(inner, x);
        Walk<S>::tags(inner, x);
    }
    template <typename T>
    static void value(std::vector<T>& x, dom::element e) {
        for (dom::element element : dom::array{e}) value(x.emplace_back(), element);
    }
    template <typename T>
    static void value(std::optional<T>& x, dom::element e) {
        if (e.is_null()) {
            x.reset();
        } else {
            value(x.emplace(), e);
        }
    }

    dom::object object_;
};

template <typename M>
Result<std::vector<uint8_t>> encode_json(dom::element json, int16_t version) {
    M m;
    JsonReader reader(json);
    Walk<M>::fields(reader, m);
    Walk<M>::tags(reader, m);
    return encode_to_bytes(m, version);
}

using EncodeJson = Result<std::vector<uint8_t>> (*)(dom::element, int16_t);

EncodeJson find_encode_json(std::string_view name) {
    static const std::unordered_map<std::string_view, EncodeJson> all = {
#define MILLRACE_MESSAGE(name) {#name, encode_json<name>},
#include "protocol/messages.inc"
#undef MILLRACE_MESSAGE
    };
    return all.at(name);
}

}  // namespace

TEST_CASE("golden: JSON encodes to the bytes") {
    dom::parser parser;
    for (const auto& g : golden::vectors()) {
        CAPTURE(g.message);
        CAPTURE(g.version);
        CAPTURE(g.kind);
        const dom::element json = parser.parse(g.json);
        auto bytes = find_encode_json(g.message)(json, g.version);
        REQUIRE_MESSAGE(bytes.has_value(), bytes.error().describe());
        // Unknown tagged fields are dropped on reading: what is left is the message as the JSON has
        // it.
        CHECK(*bytes ==
              (g.kind == "unknown" ? *find_message(g.message)->recode(g.body, g.version) : g.body));
    }
}

}  // namespace millrace::protocol
