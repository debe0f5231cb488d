// The bytes of one store on all its floors: what is written goes to the bytes below and to the
// changelog.
#pragma once

#include <memory>

#include "streams/core/record.h"
#include "streams/state/ordered_bytes.h"

namespace millrace::streams {

class StoreBytes {
public:
    // What the store does with an entry on its way down. Keys and values are the store's own, with
    // all that it puts around a user's; absent: deleted.
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void write(OrderedBytes& below, BytesView key, NullableView value) {
            if (value)
                below.put(key, *value);
            else
                below.erase(key);
        }
        virtual void log(BytesView key, NullableView value) = 0;
    };
    void open(std::unique_ptr<OrderedBytes> below, Owner& owner) {
        below_ = std::move(below);
        owner_ = &owner;
    }

    NullableBytes get(BytesView key) const { return below_->get(key); }
    void put(BytesView key, NullableView value) {
        owner_->write(*below_, key, value);
        owner_->log(key, value);
    }
    // As OrderedBytes::range().
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) const {
        return below_->range(from, to, backward);
    }
    // Past the changelog.
    void restore(BytesView key, NullableView value) { owner_->write(*below_, key, value); }
    OrderedBytes& below() const { return *below_; }

private:
    std::unique_ptr<OrderedBytes> below_;
    Owner* owner_ = nullptr;
};

}  // namespace millrace::streams
