// The visitors that decode and encode any message through its walk. Only the generated sources
// include this.
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>

#include "protocol/codec.h"
#include "protocol/walk.h"

namespace millrace::protocol {

template <typename T>
constexpr bool kIsOptional = false;
template <typename T>
constexpr bool kIsOptional<std::optional<T>> = true;

// The least that an array element takes on the wire.
template <typename T>
size_t min_wire_bytes(int16_t version, bool flexible) {
    if constexpr (Walkable<T>) {
        return Walk<T>::kMinBytes[version - Walk<T>::kFrom];
    } else if constexpr (std::is_arithmetic_v<T>) {
        return sizeof(T);
    } else if constexpr (std::is_same_v<T, Uuid>) {
        return 16;
    } else {
        static_assert(std::is_same_v<T, Str> || std::is_same_v<T, Blob>);
        return flexible ? 1 : std::is_same_v<T, Str> ? 2 : 4;
    }
}

template <typename T>
bool is_zero(const T& v) {
    if constexpr (Walkable<T>) {
        return v == T{};
    } else if constexpr (std::is_arithmetic_v<T>) {
        return v == T{};
    } else if constexpr (std::is_same_v<T, Uuid>) {
        return v.is_zero();
    } else {
        return v.empty();
    }
}
template <typename T>
bool is_default(const T& v, ZeroDefault) {
    if constexpr (kIsOptional<T>) {
        return v && is_zero(*v);
    } else {
        return is_zero(v);
    }
}
template <typename T>
bool is_default(const std::optional<T>& v, std::nullopt_t) {
    return !v;
}
template <typename T, typename D>
    requires std::is_integral_v<T> && std::is_integral_v<D>
bool is_default(T v, D dflt) {
    return v == static_cast<T>(dflt);
}

// Fills a freshly made message: what the version lacks keeps its default.
class DecodeVisitor {
public:
    explicit DecodeVisitor(Decoder& in) : in_(in) {}

    template <typename S>
    void structure(S& s) {
        Walk<S>::fields(*this, s);
        if (in_.flexible()) tag_section(s);
    }

    template <typename T>
    [[gnu::always_inline]] void field(T& x, const Field& f) {
        in_.at(f.name);
        value(x, f);
    }
    template <typename T, typename D>
    [[gnu::always_inline]] void field(T& x, const Field& f, const D&) {
        if (f.in(in_.version())) field(x, f);
    }
    template <typename T, typename D>
    [[gnu::always_inline]] void tag(T& x, const Field& f, const D&) {
        if (f.tag != tag_ || !f.in(in_.version())) return;
        tag_ = kTaken;
        in_.at(f.name);
        tagged(x, f);
    }

private:
    static constexpr int64_t kTaken = -2;
    // What a count alone makes us allocate; more comes as the elements do.
    static constexpr size_t kReserveBytesMax = 1 << 20;

    template <typename S>
    void tag_section(S& s) {
        in_.at("tagged fields");
        for (uint32_t n = in_.uvarint(); n > 0 && in_.ok(); --n) {
            tag_ = in_.uvarint();
            const uint32_t size = in_.uvarint();
            if constexpr (Walk<S>::kHasTags) {
                const Decoder::Region region = in_.enter(size);
                Walk<S>::tags(*this, s);
                if (tag_ != kTaken) in_.take(in_.remaining());
                in_.leave(region);
            } else {
                in_.take(size);
            }
        }
    }

    template <typename T>
    void tagged(T& x, const Field& f) {
        if constexpr (kIsOptional<T>) {
            // A struct's presence is a uvarint here and an int8 elsewhere.
            if constexpr (Walkable<typename T::value_type>) {
                x.reset();
                if (in_.uvarint() != 0) structure(x.emplace());
                return;
            }
        }
        value(x, f);
    }

    template <typename T>
        requires std::is_integral_v<T>
    [[gnu::always_inline]] void value(T& x, const Field&) {
        x = in_.number<T>();
    }
    void value(bool& x, const Field&) { x = in_.boolean(); }
    void value(double& x, const Field&) { x = in_.float64(); }
    void value(Uuid& x, const Field&) { x = in_.uuid(); }
    template <typename S>
        requires Walkable<S>
    void value(S& x, const Field&) {
        structure(x);
    }

    bool compact(const Field& f) const { return in_.flexible() && !f.classic; }
    // -1 only where null is allowed.
    int32_t checked(int32_t n, bool nullable) {
        if (n >= 0 || nullable) return n;
        in_.fail("must not be null");
        return 0;
    }

    [[gnu::always_inline]] void value(Str& x, const Field& f) {
        x = string(in_.string_length(compact(f)));
    }
    [[gnu::always_inline]] void value(std::optional<Str>& x, const Field& f) {
        const int32_t n = checked(in_.string_length(compact(f)), f.nullable(in_.version()));
        if (n < 0) {
            x.reset();
        } else {
            x = string(n);
        }
    }
    Str string(int32_t n) {
        return Str::borrow(as_text(in_.take(static_cast<size_t>(checked(n, false)))));
    }

    void value(Blob& x, const Field&) { x = Blob::borrow(bytes(in_.bytes_length(in_.flexible()))); }
    void value(Chain& x, const Field&) {
        x = Chain({nullptr, bytes(in_.bytes_length(in_.flexible()))});
    }
    template <typename T>
        requires std::is_same_v<T, Blob> || std::is_same_v<T, Chain>
    void value(std::optional<T>& x, const Field& f) {
        const int32_t n = checked(in_.bytes_length(in_.flexible()), f.nullable(in_.version()));
        if (n < 0) return x.reset();
        if constexpr (std::is_same_v<T, Blob>) {
            x = Blob::borrow(bytes(n));
        } else {
            x = Chain({nullptr, bytes(n)});
        }
    }
    ByteView bytes(int32_t n) { return in_.take(static_cast<size_t>(checked(n, false))); }

    template <typename T>
    void value(std::vector<T>& x, const Field& f) {
        elements(x, checked(count<T>(), false), f);
    }
    template <typename T>
    void value(std::optional<std::vector<T>>& x, const Field& f) {
        const int32_t n = checked(count<T>(), f.nullable(in_.version()));
        if (n < 0) return x.reset();
        elements(x.emplace(), n, f);
    }
    template <typename T>
    int32_t count() {
        return in_.array_length(in_.flexible(), min_wire_bytes<T>(in_.version(), in_.flexible()));
    }
    template <typename T>
    void elements(std::vector<T>& x, int32_t n, const Field& f) {
        x.clear();
        x.reserve(std::min(static_cast<size_t>(n), kReserveBytesMax / sizeof(T)));
        for (; n > 0 && in_.ok(); --n) value(x.emplace_back(), f);
    }

    template <typename S>
        requires Walkable<S>
    void value(std::optional<S>& x, const Field& f) {
        if (!f.nullable(in_.version()) || in_.number<int8_t>() >= 0) return structure(x.emplace());
        x.reset();
    }

    Decoder& in_;
    int64_t tag_ = -1;
};

class EncodeVisitor {
public:
    explicit EncodeVisitor(Encoder& out) : out_(out) {}

    template <typename S>
    void structure(const S& s) {
        Walk<S>::fields(*this, s);
        if constexpr (Walk<S>::kHasTags) {
            const uint32_t outer = std::exchange(tags_, 0);
            const bool counting = std::exchange(counting_, true);
            Walk<S>::tags(*this, s);
            if (out_.flexible()) {
                out_.out().uvarint(tags_);
                counting_ = false;
                if (tags_ > 0) Walk<S>::tags(*this, s);
            }
            tags_ = outer;
            counting_ = counting;
        } else if (out_.flexible()) {
            out_.out().number<uint8_t>(0);
        }
    }

    template <typename T>
    [[gnu::always_inline]] void field(const T& x, const Field& f) {
        value(x, f);
    }
    template <typename T, typename D>
    [[gnu::always_inline]] void field(const T& x, const Field& f, const D& dflt) {
        if (f.in(out_.version())) {
            value(x, f);
        } else {
            absent(x, f, dflt);
        }
    }
    template <typename T, typename D>
    [[gnu::always_inline]] void tag(const T& x, const Field& f, const D& dflt) {
        if (!f.in(out_.version())) return absent(x, f, dflt);
        if (is_default(x, dflt)) return;
        if (counting_) {
            ++tags_;
            return;
        }
        out_.out().uvarint(static_cast<uint64_t>(f.tag));
        const Writer::Mark mark = out_.out().begin_sized();
        tagged(x, f);
        out_.out().end_sized(mark);
    }

private:
    template <typename T, typename D>
    [[gnu::always_inline]] void absent(const T& x, const Field& f, const D& dflt) {
        if (!f.lossy && !is_default(x, dflt))
            out_.fail(f.name, "is set, and this version has no such field");
    }

    template <typename T>
    void tagged(const T& x, const Field& f) {
        if constexpr (kIsOptional<T>) {
            if constexpr (Walkable<typename T::value_type>) {
                out_.out().number<uint8_t>(x ? 1 : 0);
                if (x) structure(*x);
                return;
            }
        }
        value(x, f);
    }

    template <typename T>
        requires std::is_integral_v<T>
    [[gnu::always_inline]] void value(T x, const Field&) {
        out_.out().number(x);
    }
    void value(bool x, const Field&) { out_.out().number(static_cast<uint8_t>(x)); }
    void value(double x, const Field&) { out_.out().number(std::bit_cast<uint64_t>(x)); }
    void value(const Uuid& x, const Field&) {
        out_.out().number(x.high);
        out_.out().number(x.low);
    }
    template <typename S>
        requires Walkable<S>
    void value(const S& x, const Field&) {
        structure(x);
    }
    void value(const Str& x, const Field& f) {
        out_.string(f.name, x, out_.flexible() && !f.classic);
    }
    void value(const Blob& x, const Field& f) {
        out_.bytes_length(f.name, x.size(), out_.flexible());
        out_.out().bytes(x);
    }
    void value(const Chain& x, const Field& f) {
        out_.bytes_length(f.name, x.size(), out_.flexible());
        out_.out().splice(x);
    }
    template <typename T>
    void value(const std::vector<T>& x, const Field& f) {
        out_.array_length(f.name, x.size(), out_.flexible());
        for (const T& element : x) value(element, f);
    }
    template <typename T>
    void value(const std::optional<T>& x, const Field& f) {
        const bool nullable = f.nullable(out_.version());
        if (!x && !nullable) return out_.fail(f.name, "must not be null");
        if constexpr (Walkable<T>) {
            if (nullable) out_.out().number<int8_t>(x ? 1 : -1);
        } else if (!x) {
            return out_.null(out_.flexible() && !f.classic, std::is_same_v<T, Str>);
        }
        if (x) value(*x, f);
    }

    Encoder& out_;
    uint32_t tags_ = 0;
    bool counting_ = false;
};

template <typename M>
void read_message(Decoder& in, M& m) {
    DecodeVisitor(in).structure(m);
}
template <typename M>
void write_message(Encoder& out, const M& m) {
    EncodeVisitor(out).structure(m);
}

}  // namespace millrace::protocol
