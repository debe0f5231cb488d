// The visitor that prints any message as JSON through its walk. Only the generated sources include
// this.
#pragma once

#include <type_traits>

#include "protocol/codec_visitors.h"
#include "protocol/json.h"

namespace millrace::protocol {

class JsonVisitor {
public:
    explicit JsonVisitor(JsonWriter& out) : out_(out) {}

    template <typename S>
    void structure(const S& s) {
        out_.open('{');
        Walk<S>::fields(*this, s);
        Walk<S>::tags(*this, s);
        out_.close('}');
    }
    template <typename T>
    [[gnu::noinline]] void field(const T& x,
                                 const Field& f) {  // printing is rare: small and quick to compile
        out_.member(f.name);
        if (out_.shows(f.secret)) {
            value(x);
        } else {
            out_.string("***");
        }
    }
    template <typename T, typename D>
    void field(const T& x, const Field& f, const D&) {
        if (f.in(out_.version())) field(x, f);
    }
    template <typename T, typename D>
    void tag(const T& x, const Field& f, const D& dflt) {
        if (f.in(out_.version()) && !is_default(x, dflt)) field(x, f);
    }

private:
    template <typename T>
        requires std::is_integral_v<T>
    void value(T x) {
        out_.integer(x);
    }
    void value(bool x) { out_.boolean(x); }
    void value(double x) { out_.number(x); }
    void value(const Uuid& x) { out_.string(x.to_string()); }
    void value(const Str& x) { out_.string(x); }
    void value(const Blob& x) { out_.base64(x); }
    // Records that lie in a file are not read for this.
    void value(const Chain& x) {
        std::vector<uint8_t> all;
        for (const ChainPart& part : x.parts())
            all.insert(all.end(), part.bytes.begin(), part.bytes.end());
        out_.base64(all);
    }
    template <typename S>
        requires Walkable<S>
    void value(const S& x) {
        structure(x);
    }
    template <typename T>
    void value(const std::vector<T>& x) {
        out_.open('[');
        for (const T& element : x) {
            out_.element();
            value(element);
        }
        out_.close(']');
    }
    template <typename T>
    void value(const std::optional<T>& x) {
        if (x) {
            value(*x);
        } else {
            out_.null();
        }
    }

    JsonWriter& out_;
};

template <typename M>
void print_message(JsonWriter& out, const M& m) {
    JsonVisitor(out).structure(m);
}

}  // namespace millrace::protocol
