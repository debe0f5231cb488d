// SmallList<T, N>: a list of trivially copyable values that needs no memory of its own up to N of
// them. Partitions keep their replica sets in it: with 100,000 partitions the sets of one or three
// brokers should cost no allocation each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

namespace millrace::metadata {

template <typename T, uint32_t N>
class SmallList {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    SmallList() : large_(nullptr) {}
    SmallList(std::initializer_list<T> values) : SmallList() {
        assign({values.begin(), values.size()});
    }
    SmallList(std::span<const T> values) : SmallList() { assign(values); }
    SmallList(const std::vector<T>& values) : SmallList() { assign(values); }
    SmallList(const SmallList& other) : SmallList() { assign(other); }
    SmallList(SmallList&& other) noexcept : SmallList() { take(other); }
    SmallList& operator=(const SmallList& other) {
        if (this != &other) assign(other);
        return *this;
    }
    SmallList& operator=(SmallList&& other) noexcept {
        if (this != &other) {
            release();
            take(other);
        }
        return *this;
    }
    ~SmallList() { release(); }

    const T* data() const { return size_ <= N ? small() : large_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const T& operator[](size_t i) const { return data()[i]; }
    bool contains(const T& value) const { return std::find(begin(), end(), value) != end(); }
    std::vector<T> to_vector() const { return {begin(), end()}; }

    friend bool operator==(const SmallList& a, const SmallList& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end());
    }

private:
    void assign(std::span<const T> values) {
        release();
        size_ = static_cast<uint32_t>(values.size());
        T* to = small();
        if (size_ > N) to = large_ = new T[size_];
        std::copy(values.begin(), values.end(), to);
    }
    void take(SmallList& other) noexcept {
        size_ = other.size_;
        if (size_ > N) {
            large_ = other.large_;
        } else {
            std::copy(other.begin(), other.end(), small());
        }
        other.size_ = 0;
    }
    void release() noexcept {
        if (size_ > N) delete[] large_;
        size_ = 0;
    }

    const T* small() const { return reinterpret_cast<const T*>(bytes_); }
    T* small() { return reinterpret_cast<T*>(bytes_); }

    uint32_t size_ = 0;
    union {
        T* large_;
        alignas(T) unsigned char bytes_[sizeof(T) * N];
    };
};

}  // namespace millrace::metadata
