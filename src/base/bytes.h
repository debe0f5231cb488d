// Bytes in memory: views, shared slices, and big-endian access.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace millrace {

using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;

inline ByteView as_bytes(std::string_view s) {
    return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view as_text(ByteView b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// A view together with what keeps its memory alive. Copying shares; the bytes never change once
// shared.
struct SharedBytes {
    std::shared_ptr<const void> owner;
    ByteView view;

    static SharedBytes own(std::vector<uint8_t> bytes) {
        auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
        return {owner, ByteView{*owner}};
    }
    size_t size() const { return view.size(); }
    SharedBytes slice(size_t from, size_t count) const {
        return {owner, view.subspan(from, count)};
    }
};

// Network order is big-endian, and so is everything on disk. Unaligned pointers are fine.
template <typename T>
    requires std::is_integral_v<T>
inline T load_be(const uint8_t* p) {
    T v;
    std::memcpy(&v, p, sizeof v);
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) v = std::byteswap(v);
    return v;
}
template <typename T>
    requires std::is_integral_v<T>
inline void store_be(uint8_t* p, T v) {
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) v = std::byteswap(v);
    std::memcpy(p, &v, sizeof v);
}

}  // namespace millrace
