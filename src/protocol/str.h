// Str and Blob: text and bytes that either borrow memory of somebody else or own a copy, in 16
// bytes.
//
// Decoding borrows from the input, so that a request costs no allocation per string; assigning from
// ordinary strings copies, so that a response may outlive what it was built from. Copying a
// borrowing one borrows the same memory, copying an owning one copies. Whoever keeps a decoded
// value longer than its input takes `to_owned()`.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace millrace::protocol {

// The memory behind both. Sizes are below 2^31, as on the wire; a longer one is a bug of the
// caller.
class Piece {
public:
    Piece() = default;
    Piece(const Piece& other) { assign(other); }
    Piece(Piece&& other) noexcept { steal(other); }
    Piece& operator=(const Piece& other) {
        if (this != &other) {
            Piece old(std::move(*this));
            assign(other);
        }
        return *this;
    }
    Piece& operator=(Piece&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(owned_, other.owned_);
        return *this;
    }
    ~Piece() {
        if (owned_) delete[] data_;
    }

    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Whether the memory belongs to this object (an empty one never does).
    bool owned() const { return owned_; }
    ByteView bytes() const { return {data_, size_}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

protected:
    static constexpr size_t kSizeMax = 0x7fffffff;

    void set_borrowed(ByteView bytes) {
        INVARIANT(bytes.size() <= kSizeMax);
        data_ = bytes.data();
        size_ = static_cast<uint32_t>(bytes.size());
        owned_ = false;
    }
    void set_copied(ByteView bytes) {
        set_borrowed({});
        if (bytes.empty()) return;
        INVARIANT(bytes.size() <= kSizeMax);
        auto* memory = new uint8_t[bytes.size()];
        std::memcpy(memory, bytes.data(), bytes.size());
        data_ = memory;
        size_ = static_cast<uint32_t>(bytes.size());
        owned_ = true;
    }

private:
    void assign(const Piece& other) {
        if (other.owned_) {
            set_copied(other.bytes());
        } else {
            set_borrowed(other.bytes());
        }
    }
    void steal(Piece& other) {
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        owned_ = std::exchange(other.owned_, false);
    }

    const uint8_t* data_ = nullptr;
    uint32_t size_ = 0;
    bool owned_ = false;
};
static_assert(sizeof(Piece) == 16);

// Text: UTF-8 by convention, not checked.
class Str : public Piece {
public:
    Str() = default;
    Str(std::string_view s) { set_copied(as_bytes(s)); }
    Str(const std::string& s) : Str(std::string_view(s)) {}
    Str(const char* s) : Str(std::string_view(s)) {}
    static Str borrow(std::string_view s) {
        Str out;
        out.set_borrowed(as_bytes(s));
        return out;
    }

    Str to_owned() const { return Str(text()); }
    std::string_view view() const { return text(); }
    std::string str() const { return std::string(text()); }
    operator std::string_view() const { return text(); }

    friend bool operator==(const Str& a, const Str& b) { return a.text() == b.text(); }
    friend auto operator<=>(const Str& a, const Str& b) { return a.text() <=> b.text(); }
    friend bool operator==(const Str& a, std::string_view b) { return a.text() == b; }
    friend bool operator==(const Str& a, const char* b) { return a.text() == b; }
    friend bool operator==(const Str& a, const std::string& b) { return a.text() == b; }
};

class Blob : public Piece {
public:
    Blob() = default;
    Blob(ByteView b) { set_copied(b); }
    Blob(const std::vector<uint8_t>& b) : Blob(ByteView(b)) {}
    static Blob borrow(ByteView b) {
        Blob out;
        out.set_borrowed(b);
        return out;
    }

    Blob to_owned() const { return Blob(bytes()); }
    ByteView view() const { return bytes(); }
    operator ByteView() const { return bytes(); }

    friend bool operator==(const Blob& a, const Blob& b) { return a.text() == b.text(); }
    friend bool operator==(const Blob& a, ByteView b) { return a.text() == as_text(b); }
};

}  // namespace millrace::protocol

template <>
struct std::hash<millrace::protocol::Str> {
    size_t operator()(const millrace::protocol::Str& s) const noexcept {
        return std::hash<std::string_view>{}(s.view());
    }
};
