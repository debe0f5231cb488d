// What a broker answered, together with the memory that it lies in.
#pragma once

#include "base/bytes.h"

namespace millrace::client {

// `body` borrows its strings and records from `frame`: keep the whole as long as any of them.
template <typename Body>
struct Reply {
    SharedBytes frame;
    Body body;
    const Body* operator->() const { return &body; }
    Body* operator->() { return &body; }
};

}  // namespace millrace::client
