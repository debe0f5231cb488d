// Messages as JSON text, in Kafka's form: lowerCamel field names, bytes in base64, uuids as Kafka
// prints them, tagged fields that equal their default left out, only what the version has. For
// logs, tools and tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/uuid.h"
#include "protocol/message.h"

namespace millrace::protocol {

// Whether fields that the schema marks `secret` are printed; hidden ones read "***".
enum class Secrets : bool { hidden, shown };

class JsonWriter {
public:
    JsonWriter(int16_t version, Secrets secrets) : version_(version), secrets_(secrets) {}

    int16_t version() const { return version_; }
    bool shows(bool secret) const { return !secret || secrets_ == Secrets::shown; }
    std::string take() { return std::move(out_); }

    void open(char bracket) {
        out_ += bracket;
        first_ = true;
    }
    void close(char bracket) {
        out_ += bracket;
        first_ = false;
    }
    // Before each member of an object, and each element of an array.
    void member(const char* name);
    void element();

    void null() { out_ += "null"; }
    void boolean(bool v) { out_ += v ? "true" : "false"; }
    void integer(int64_t v);
    void number(double v);
    // Invalid UTF-8 comes out as U+FFFD.
    void string(std::string_view s);
    void base64(ByteView b);

private:
    std::string out_;
    int16_t version_;
    Secrets secrets_;
    bool first_ = true;
};

template <typename M>
std::string to_json(const M& m, int16_t version, Secrets secrets = Secrets::hidden) {
    JsonWriter out(version, secrets);
    print(out, m);
    return out.take();
}

}  // namespace millrace::protocol
