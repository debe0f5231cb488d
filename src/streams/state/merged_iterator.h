// Entries over entries: an iterator of bytes that shows what was written over those below.
//
// Used where writes wait before they go down: in a cache (store_bytes.h), or until a commit
// (held_bytes.h).
#pragma once

#include <memory>

#include "streams/state/ordered_bytes.h"

namespace millrace::streams {

// What was written over the bytes below, in the order in which they are read.
class OverIterator {
public:
    virtual ~OverIterator() = default;
    virtual bool valid() const = 0;
    // Good until next(). An absent value deletes what is below.
    virtual BytesView key() const = 0;
    virtual NullableView value() const = 0;
    virtual void next() = 0;
};

// Both iterators go the same way over the same range.
std::unique_ptr<BytesIterator> merged(std::unique_ptr<BytesIterator> below,
                                      std::unique_ptr<OverIterator> over, bool backward);

}  // namespace millrace::streams
