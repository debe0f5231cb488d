// The walk: how the generated code shows a struct to a visitor. For every struct S there is a
// `Walk<S>` with
//
//   fields(v, s)   calls v.field(member, descriptor) for each field outside the tag section in wire
//                  order; a field that not every version has comes with its default as a third
//                  argument
//   tags(v, s)     calls v.tag(member, descriptor, default) for each tagged field, lowest tag first
//   kMinBytes      the least that the struct takes on the wire, per version from `kFrom` on
//
// An operation on messages (decode, encode, print, ...) is a visitor; the generator knows none of
// them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::protocol {

// Descriptors are compile-time constants at each call, so a visitor that is inlined pays only for
// what it looks at.
struct Field {
    const char* name;  // Kafka's name, lowerCamel
    int16_t from = 0;  // versions that have the field, inclusive
    int16_t to = 32767;
    int16_t null_from = 1;  // versions in which it may be null, inclusive; none by default
    int16_t null_to = 0;
    int16_t tag = -1;      // -1: not tagged
    bool lossy = false;    // left out silently by versions without it
    bool classic = false;  // keeps the classic string form in flexible versions
    bool secret = false;   // not printed

    constexpr bool in(int16_t version) const { return from <= version && version <= to; }
    constexpr bool nullable(int16_t version) const {
        return null_from <= version && version <= null_to;
    }
};

// The default of a field that has none of its own: 0, false, empty, or a struct of defaults.
struct ZeroDefault {};
constexpr ZeroDefault kZero;

template <typename S>
struct Walk;

template <typename T>
concept Walkable = requires { Walk<T>::kMinBytes; };

}  // namespace millrace::protocol
