#include "streams/state/store_bytes.h"

#include <algorithm>

namespace millrace::streams {
namespace {

// The bytes below, with what is cached over them.
class MergedIterator final : public BytesIterator {
public:
    using Cached = std::vector<std::pair<Bytes, NullableBytes>>;
    MergedIterator(std::unique_ptr<BytesIterator> below, Cached cached, bool backward)
        : below_(std::move(below)), cached_(std::move(cached)), backward_(backward) {
        if (backward_) std::ranges::reverse(cached_);
        settle();
    }
    bool valid() const override { return from_cache_ || below_->valid(); }
    BytesView key() const override {
        return from_cache_ ? BytesView(cached_[next_].first) : below_->key();
    }
    BytesView value() const override {
        return from_cache_ ? BytesView(*cached_[next_].second) : below_->value();
    }
    void next() override {
        if (from_cache_)
            ++next_;
        else
            below_->next();
        settle();
    }

private:
    // Passes over what is deleted, and over what is below a cached entry.
    void settle() {
        for (;; ++next_) {
            from_cache_ = false;
            if (next_ == cached_.size()) return;
            const Bytes& key = cached_[next_].first;
            if (below_->valid()) {
                if (backward_ ? below_->key() > key : below_->key() < key) return;
                if (below_->key() == key) below_->next();
            }
            from_cache_ = cached_[next_].second.has_value();
            if (from_cache_) return;
        }
    }

    std::unique_ptr<BytesIterator> below_;
    Cached cached_;
    bool backward_;
    size_t next_ = 0;
    bool from_cache_ = false;
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
    return std::make_unique<MergedIterator>(std::move(below), std::move(cached), backward);
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
