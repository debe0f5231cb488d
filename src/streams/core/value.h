// Values whose type the engine does not know: how one engine, compiled once, runs topologies over
// any C++ types.
//
// The typed interface (kstream.h, processor.h) turns a user's functions into functions over `Ref`
// and `Box`; every edge of a topology knows the Type at both ends and refuses a mismatch when the
// topology is built, so that the casts below it are right.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace millrace::streams {

// A key or value in flight: null, or a pointer to an object that lives until the call returns.
using Ref = const void*;

// What the engine must know of a C++ type. One object per type: equal addresses, equal types.
struct Type {
    const std::type_info* info;
    size_t size;
    size_t align;
    void (*destroy)(void*);
    void (*relocate)(void* from, void* to);    // moves to raw memory, and destroys what is left
    void (*copy)(const void* from, void* to);  // to raw memory; null for a type that cannot

    // For messages: the demangled name.
    std::string name() const;
};

namespace detail {
template <typename T>
constexpr auto copier() -> void (*)(const void*, void*) {
    if constexpr (std::is_copy_constructible_v<T>)
        return [](const void* from, void* to) { new (to) T(*static_cast<const T*>(from)); };
    else
        return nullptr;
}
}  // namespace detail

template <typename T>
inline constexpr Type kTypeOf{
    .info = &typeid(T),
    .size = sizeof(T),
    .align = alignof(T),
    .destroy = [](void* p) { static_cast<T*>(p)->~T(); },
    .relocate =
        [](void* from, void* to) {
            new (to) T(std::move(*static_cast<T*>(from)));
            static_cast<T*>(from)->~T();
        },
    .copy = detail::copier<T>(),
};

// An object of any type with its owner's duty, or null. Up to 32 bytes (a string, a number, most
// small structs) it needs no memory of its own.
class Box {
public:
    Box() = default;
    Box(Box&& other) noexcept { take(other); }
    Box& operator=(Box&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    ~Box() { reset(); }

    template <typename T>
    static Box of(T value) {
        Box box;
        new (box.allocate(kTypeOf<T>)) T(std::move(value));
        return box;
    }
    // A copy of what `ref` points to, null for null. The type must be copyable (INVARIANT).
    static Box copy_of(const Type& type, Ref ref);

    Ref get() const { return type_ ? data() : nullptr; }
    explicit operator bool() const { return type_ != nullptr; }
    const Type* type() const { return type_; }
    template <typename T>
    const T& as() const {
        return *static_cast<const T*>(data());
    }
    template <typename T>
    T& as() {
        return *static_cast<T*>(const_cast<void*>(data()));
    }
    void reset() {
        if (!type_) return;
        type_->destroy(const_cast<void*>(data()));
        if (!is_inline(*type_)) ::operator delete(heap_, std::align_val_t{type_->align});
        type_ = nullptr;
    }

private:
    static constexpr size_t kInline = 32;
    static bool is_inline(const Type& type) {
        return type.size <= kInline && type.align <= alignof(std::max_align_t);
    }
    const void* data() const {
        return is_inline(*type_) ? static_cast<const void*>(inline_) : heap_;
    }
    void* allocate(const Type& type);
    void take(Box& other) noexcept {
        type_ = std::exchange(other.type_, nullptr);
        if (!type_) return;
        if (is_inline(*type_))
            type_->relocate(other.inline_, inline_);
        else
            heap_ = other.heap_;
    }

    const Type* type_ = nullptr;
    union {
        alignas(std::max_align_t) std::byte inline_[kInline];
        void* heap_;
    };
};

}  // namespace millrace::streams
