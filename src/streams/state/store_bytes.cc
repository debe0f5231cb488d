#include "streams/state/store_bytes.h"

#include <algorithm>

#include "streams/state/merged_iterator.h"

namespace millrace::streams {
namespace {

// What a cache held of a range when it was asked.
class CachedIterator final : public OverIterator {
public:
    using Cached = std::vector<std::pair<Bytes, NullableBytes>>;
    CachedIterator(Cached cached, bool backward) : cached_(std::move(cached)) {
        if (backward) std::ranges::reverse(cached_);
    }
    bool valid() const override { return next_ < cached_.size(); }
    BytesView key() const override { return cached_[next_].first; }
    NullableView value() const override { return view_of(cached_[next_].second); }
    void next() override { ++next_; }

private:
    Cached cached_;
    size_t next_ = 0;
};

}  // namespace

void StoreBytes::open(StoreContext& context, std::unique_ptr<OrderedBytes> below, Owner& owner,
                      Caching caching) {
    context_ = &context;
    below_ = std::move(below);
    owner_ = &owner;
    caching_ = caching;
    if (caching != Caching::none && context.cache())
        cache_.emplace(*context.cache(), [this](std::vector<CachePart::Dirty> dirty) {
            write_all(std::move(dirty));
        });
}

NullableBytes StoreBytes::get(BytesView key) {
    if (!cache_) return below_->get(key);
    if (const NullableBytes* cached = cache_->find(key)) return *cached;
    NullableBytes found = below_->get(key);
    if (found && caching_ == Caching::reads_too) cache_->put_clean(key, *found);
    return found;
}

void StoreBytes::put(BytesView key, NullableView value) {
    const RecordContext* now = context_->record_context();
    if (cache_ && now) return cache_->put(key, value, *now);
    // Outside of processing there is no record that a flush could be in the context of.
    owner_->write(*below_, key, value);
    owner_->log(key, value);
    if (cache_) cache_->put_clean(key, value);
}

std::unique_ptr<BytesIterator> StoreBytes::range(BytesView from, NullableView to,
                                                 bool backward) const {
    auto below = below_->range(from, to, backward);
    if (!cache_) return below;
    auto cached = cache_->range(from, to);
    if (cached.empty()) return below;
    return merged(std::move(below), std::make_unique<CachedIterator>(std::move(cached), backward),
                  backward);
}

void StoreBytes::write_all(std::vector<CachePart::Dirty> dirty) {
    for (CachePart::Dirty& entry : dirty)
        context_->in_context(entry.context.view(),
                             [&] { write_one(entry.key, view_of(entry.value)); });
}

void StoreBytes::write_one(BytesView key, NullableView value) {
    if (!owner_->listened_to()) {
        owner_->write(*below_, key, value);
        owner_->log(key, value);
        return;
    }
    NullableBytes old;
    if (!value || owner_->wants_old_values()) old = below_->get(key);
    // What came and went between two flushes was never there.
    if (!value && !old) return;
    owner_->write(*below_, key, value);
    owner_->log(key, value);
    owner_->forward(key, value, owner_->wants_old_values() ? view_of(old) : std::nullopt);
}

}  // namespace millrace::streams
