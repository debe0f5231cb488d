// The bytes of one store on all its floors: what is written goes to the cache, if there is one, from
// there (when it is flushed) to the bytes below and to the changelog, and then to the store's
// listener.
#pragma once

#include <memory>
#include <optional>

#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"
#include "streams/state/store_cache.h"

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
        // Whether what is flushed is forwarded, and with the value before.
        virtual bool listened_to() const = 0;
        virtual bool wants_old_values() const = 0;
        virtual void forward(BytesView key, NullableView value, NullableView old) = 0;
    };
    enum class Caching : uint8_t { none, writes, reads_too };
    void open(StoreContext& context, std::unique_ptr<OrderedBytes> below, Owner& owner,
              Caching caching);
    bool cached() const { return cache_.has_value(); }

    NullableBytes get(BytesView key);
    void put(BytesView key, NullableView value);
    // As OrderedBytes::range().
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) const;
    void flush() {
        if (cache_) cache_->flush();
    }
    // Past cache and changelog.
    void restore(BytesView key, NullableView value) { owner_->write(*below_, key, value); }
    OrderedBytes& below() const { return *below_; }

private:
    void write_all(std::vector<CachePart::Dirty> dirty);
    void write_one(BytesView key, NullableView value);

    StoreContext* context_ = nullptr;
    std::unique_ptr<OrderedBytes> below_;
    Owner* owner_ = nullptr;
    Caching caching_ = Caching::none;
    std::optional<CachePart> cache_;
};

}  // namespace millrace::streams
