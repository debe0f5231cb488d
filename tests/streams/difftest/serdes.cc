#include "serdes.h"

#include <limits>

#include "base/error_code.h"
#include "errors.h"

namespace millrace::difftest {
namespace {

using streams::Bytes;
using streams::BytesView;

struct TextSerde {
    void serialize(const Value& value, Bytes& out) const { out += value.text(); }
    Result<Value> deserialize(BytesView bytes) const { return Value(std::string(bytes)); }
};

struct LongSerde {
    streams::LongSerde plain;
    void serialize(const Value& value, Bytes& out) const { plain.serialize(value.number(), out); }
    Result<Value> deserialize(BytesView bytes) const {
        TRY(int64_t number, plain.deserialize(bytes));
        return Value(number);
    }
};

// 32 bits on the wire, 64 in memory.
struct IntSerde {
    streams::IntegerSerde plain;
    void serialize(const Value& value, Bytes& out) const {
        const int64_t number = value.number();
        if (number != static_cast<int32_t>(number))
            throw streams::IllegalArgumentException("integer overflow");
        plain.serialize(static_cast<int32_t>(number), out);
    }
    Result<Value> deserialize(BytesView bytes) const {
        TRY(int32_t number, plain.deserialize(bytes));
        return Value(int64_t{number});
    }
};

struct JsonSerde {
    void serialize(const Value& value, Bytes& out) const { out += value.to_json().to_text(); }
    Result<Value> deserialize(BytesView bytes) const {
        TRY(Json json, Json::parse(bytes));
        if (json.is_object()) return fail(ErrorCode::malformed, "an object is no value");
        return Value::from_json(json);
    }
};

struct HexSerde {
    void serialize(const Value& value, Bytes& out) const { out += bytes_of_hex(value.text()); }
    Result<Value> deserialize(BytesView bytes) const { return Value(hex_of(bytes)); }
};

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    throw streams::IllegalArgumentException(fmt::format("not a hexadecimal digit: {}", c));
}

}  // namespace

streams::Serde<Value> serde_named(std::string_view name) {
    if (name == "string") return TextSerde();
    if (name == "long") return LongSerde();
    if (name == "int") return IntSerde();
    if (name == "json") return JsonSerde();
    if (name == "hex") return HexSerde();
    throw CaseError(fmt::format("no serde {}", name));
}

streams::Serde<Value> serde_of(const Json& spec) {
    if (spec.is_null()) return {};
    if (spec.is_text()) return serde_named(spec.text());
    const streams::Serde<Value> inner = serde_of(spec["inner"]);
    if (spec["windowed"].text() == "session") return streams::session_windowed_serde(inner);
    return streams::time_windowed_serde(inner, spec["size"].number());
}

std::string hex_of(BytesView bytes) {
    std::string hex;
    for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return hex;
}

Bytes bytes_of_hex(std::string_view hex) {
    if (hex.size() % 2 != 0)
        throw streams::IllegalArgumentException("an odd number of hexadecimal digits");
    Bytes bytes;
    for (size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return bytes;
}

}  // namespace millrace::difftest
