#include "streams/state/merged_iterator.h"

namespace millrace::streams {
namespace {

class MergedIterator final : public BytesIterator {
public:
    MergedIterator(std::unique_ptr<BytesIterator> below, std::unique_ptr<OverIterator> over,
                   bool backward)
        : below_(std::move(below)), over_(std::move(over)), backward_(backward) {
        settle();
    }
    bool valid() const override { return from_over_ || below_->valid(); }
    BytesView key() const override { return from_over_ ? over_->key() : below_->key(); }
    BytesView value() const override { return from_over_ ? *over_->value() : below_->value(); }
    void next() override {
        if (from_over_)
            over_->next();
        else
            below_->next();
        settle();
    }

private:
    // Passes over what is deleted, and over what is below an entry of those above.
    void settle() {
        for (;; over_->next()) {
            from_over_ = false;
            if (!over_->valid()) return;
            const BytesView key = over_->key();
            if (below_->valid()) {
                if (backward_ ? below_->key() > key : below_->key() < key) return;
                if (below_->key() == key) below_->next();
            }
            from_over_ = over_->value().has_value();
            if (from_over_) return;
        }
    }

    std::unique_ptr<BytesIterator> below_;
    std::unique_ptr<OverIterator> over_;
    bool backward_;
    bool from_over_ = false;
};

}  // namespace

std::unique_ptr<BytesIterator> merged(std::unique_ptr<BytesIterator> below,
                                      std::unique_ptr<OverIterator> over, bool backward) {
    return std::make_unique<MergedIterator>(std::move(below), std::move(over), backward);
}

}  // namespace millrace::streams
