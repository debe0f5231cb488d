// Between values and bytes.
//
//   struct OrderSerde {
//       void serialize(const Order& order, Bytes& out) const;      // appends
//       Result<Order> deserialize(BytesView bytes) const;          // errors become dead letters
//   };
//   Consumed<std::string, Order>::with({}, OrderSerde{})
//
// A type with DefaultSerde<T> needs none to be named. Nulls never reach a serde: an absent value is
// null bytes. A Serde is a shared, immutable handle: copy it freely, use it on any thread.
// Kafka: Serde, Serdes.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "streams/core/bytes.h"
#include "streams/core/value.h"

namespace millrace::streams {

template <typename S, typename T>
concept SerdeFor = requires(const S& serde, const T& value, Bytes& out, BytesView bytes) {
    { serde.serialize(value, out) } -> std::same_as<void>;
    { serde.deserialize(bytes) } -> std::same_as<Result<T>>;
};

// A serde whose type is known at run time only; the engine's view of every serde.
class AnySerde {
public:
    virtual ~AnySerde() = default;
    virtual const Type& type() const = 0;
    // Appends the bytes of `value`, which is not null and of type(). May throw.
    virtual void serialize(Ref value, Bytes& out) const = 0;
    // Appends what of a key decides its partition, if that is not all of its bytes: of a windowed
    // key, the key without its window.
    virtual bool serialize_for_partition(Ref value, Bytes& out) const {
        static_cast<void>(value);
        static_cast<void>(out);
        return false;
    }
    virtual Result<Box> deserialize(BytesView bytes) const = 0;
};
using SerdePtr = std::shared_ptr<const AnySerde>;

// Null for null.
NullableBytes serialize(const AnySerde& serde, Ref value);
// Throws SerializationException for bytes that the serde does not read.
Box deserialize(const AnySerde& serde, NullableView bytes);

template <typename T>
class Serde {
public:
    // None: the application's default for T (DefaultSerde).
    Serde() = default;
    Serde(SerdePtr erased) : erased_(std::move(erased)) {}
    template <SerdeFor<T> S>
    Serde(S serde) : erased_(std::make_shared<Erased<S>>(std::move(serde))) {}

    const SerdePtr& erased() const { return erased_; }
    explicit operator bool() const { return erased_ != nullptr; }

private:
    template <typename S>
    class Erased final : public AnySerde {
    public:
        explicit Erased(S serde) : serde_(std::move(serde)) {}
        const Type& type() const override { return kTypeOf<T>; }
        void serialize(Ref value, Bytes& out) const override {
            serde_.serialize(*static_cast<const T*>(value), out);
        }
        Result<Box> deserialize(BytesView bytes) const override {
            TRY(T value, serde_.deserialize(bytes));
            return Box::of<T>(std::move(value));
        }

    private:
        S serde_;
    };
    SerdePtr erased_;
};

// Specialise it for a type of yours: `static Serde<T> make()`.
template <typename T>
struct DefaultSerde;
template <typename T>
concept HasDefaultSerde = requires {
    { DefaultSerde<T>::make() } -> std::same_as<Serde<T>>;
};
// What a serde that was not given stands for: null when T has no default.
template <typename T>
SerdePtr default_serde() {
    if constexpr (HasDefaultSerde<T>)
        return DefaultSerde<T>::make().erased();
    else
        return nullptr;
}

namespace detail {
Error wrong_size(std::string_view deserializer, size_t size);

// Big-endian of a fixed size, as Kafka's serializers of numbers.
template <typename T, typename Bits>
struct FixedSerde {
    void serialize(const T& value, Bytes& out) const { append_be(out, std::bit_cast<Bits>(value)); }
    Result<T> deserialize(BytesView bytes) const {
        if (bytes.size() != sizeof(Bits)) return wrong_size(T_name(), bytes.size());
        return std::bit_cast<T>(read_be<Bits>(bytes));
    }
    static std::string_view T_name() {
        if constexpr (std::is_same_v<T, int64_t>) return "Long";
        if constexpr (std::is_same_v<T, int32_t>) return "Integer";
        if constexpr (std::is_same_v<T, int16_t>) return "Short";
        if constexpr (std::is_same_v<T, float>) return "Float";
        return "Double";
    }
};
}  // namespace detail

using LongSerde = detail::FixedSerde<int64_t, int64_t>;
using IntegerSerde = detail::FixedSerde<int32_t, int32_t>;
using ShortSerde = detail::FixedSerde<int16_t, int16_t>;
using FloatSerde = detail::FixedSerde<float, uint32_t>;
using DoubleSerde = detail::FixedSerde<double, uint64_t>;
struct BooleanSerde {
    void serialize(const bool& value, Bytes& out) const;
    Result<bool> deserialize(BytesView bytes) const;
};
// UTF-8, which is not checked; also for plain bytes.
struct StringSerde {
    void serialize(const std::string& value, Bytes& out) const { out += value; }
    Result<std::string> deserialize(BytesView bytes) const { return std::string(bytes); }
};
// The text of 36 characters, as Kafka's UUIDSerializer.
struct UuidSerde {
    void serialize(const Uuid& value, Bytes& out) const;
    Result<Uuid> deserialize(BytesView bytes) const;
};

#define MILLRACE_DEFAULT_SERDE(T, S) \
    template <>                      \
    struct DefaultSerde<T> {         \
        static Serde<T> make() {     \
            return S{};              \
        }                            \
    }
MILLRACE_DEFAULT_SERDE(int64_t, LongSerde);
MILLRACE_DEFAULT_SERDE(int32_t, IntegerSerde);
MILLRACE_DEFAULT_SERDE(int16_t, ShortSerde);
MILLRACE_DEFAULT_SERDE(float, FloatSerde);
MILLRACE_DEFAULT_SERDE(double, DoubleSerde);
MILLRACE_DEFAULT_SERDE(bool, BooleanSerde);
MILLRACE_DEFAULT_SERDE(std::string, StringSerde);
MILLRACE_DEFAULT_SERDE(Uuid, UuidSerde);
#undef MILLRACE_DEFAULT_SERDE

}  // namespace millrace::streams
