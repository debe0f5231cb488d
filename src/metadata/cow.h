// Cow<T>: a small part of the metadata image that is copied whole when it changes. Copies of a Cow
// share the value; change() gives the writer of an Edit a value of its own, copied at most once per
// Edit (see persistent_index.h).
#pragma once

#include <cstdint>
#include <memory>

#include "metadata/persistent_index.h"

namespace millrace::metadata {

template <typename T>
class Cow {
public:
    const T& operator*() const { return *value_; }
    const T* operator->() const { return value_.get(); }
    T& change(const Edit& edit) {
        if (edit_ != edit.id()) {
            value_ = std::make_shared<T>(*value_);
            edit_ = edit.id();
        }
        return *value_;
    }

private:
    std::shared_ptr<T> value_ = std::make_shared<T>();
    uint64_t edit_ = 0;
};

}  // namespace millrace::metadata
