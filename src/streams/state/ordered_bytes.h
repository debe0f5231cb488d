// An ordered map of bytes: what every store is built on.
//
// Order: unsigned bytes. Owner and thread: one store's.
#pragma once

#include <memory>
#include <optional>

#include "streams/core/bytes.h"

namespace millrace::streams {

class BytesIterator {
public:
    virtual ~BytesIterator() = default;
    virtual bool valid() const = 0;
    // Good until next().
    virtual BytesView key() const = 0;
    virtual BytesView value() const = 0;
    virtual void next() = 0;
};

class OrderedBytes {
public:
    virtual ~OrderedBytes() = default;
    virtual NullableBytes get(BytesView key) = 0;
    virtual void put(BytesView key, BytesView value) = 0;
    virtual void erase(BytesView key) = 0;
    // Everything in [from, to); `to` absent is open, and `from` above `to` is empty. Writes while
    // it lives are allowed; it shows what was there when it was made. It ends with the bytes' owner.
    virtual std::unique_ptr<BytesIterator> range(BytesView from, NullableView to,
                                                 bool backward) = 0;
    virtual void erase_range(BytesView from, BytesView to) = 0;
    virtual int64_t approximate_entries() = 0;
};

// The smallest bytes above everything that begins with `prefix`; none when there is no such.
NullableBytes after_prefix(BytesView prefix);

// In memory, gone with its owner.
std::unique_ptr<OrderedBytes> make_memory_bytes();

}  // namespace millrace::streams
