#include "streams/windowed.h"

#include <limits>

#include "base/error_code.h"

namespace millrace::streams {
namespace {

TimestampMs end_of(TimestampMs start, int64_t size) {
    return start > std::numeric_limits<int64_t>::max() - size ? std::numeric_limits<int64_t>::max()
                                                              : start + size;
}

class TimeWindowedSerde final : public AnySerde {
public:
    TimeWindowedSerde(const WindowedType& type, SerdePtr inner, int64_t size)
        : type_(type), inner_(std::move(inner)), size_(size) {}
    const Type& type() const override { return *type_.windowed; }
    void serialize(Ref value, Bytes& out) const override {
        inner_->serialize(type_.key_of(value), out);
        append_be(out, type_.window_of(value).start);
    }
    bool serialize_for_partition(Ref value, Bytes& out) const override {
        inner_->serialize(type_.key_of(value), out);
        return true;
    }
    Result<Box> deserialize(BytesView bytes) const override {
        if (bytes.size() < 8)
            return fail(ErrorCode::malformed, "A windowed key has at least 8 bytes");
        const auto start = read_be<TimestampMs>(bytes.substr(bytes.size() - 8));
        TRY(Box key, inner_->deserialize(bytes.substr(0, bytes.size() - 8)));
        return type_.make(key.get(), {start, end_of(start, size_)});
    }

private:
    const WindowedType& type_;
    SerdePtr inner_;
    int64_t size_;
};

class SessionWindowedSerde final : public AnySerde {
public:
    SessionWindowedSerde(const WindowedType& type, SerdePtr inner)
        : type_(type), inner_(std::move(inner)) {}
    const Type& type() const override { return *type_.windowed; }
    void serialize(Ref value, Bytes& out) const override {
        inner_->serialize(type_.key_of(value), out);
        const Window window = type_.window_of(value);
        append_be(out, window.end);
        append_be(out, window.start);
    }
    bool serialize_for_partition(Ref value, Bytes& out) const override {
        inner_->serialize(type_.key_of(value), out);
        return true;
    }
    Result<Box> deserialize(BytesView bytes) const override {
        if (bytes.size() < 16)
            return fail(ErrorCode::malformed, "A session's key has at least 16 bytes");
        const BytesView times = bytes.substr(bytes.size() - 16);
        TRY(Box key, inner_->deserialize(bytes.substr(0, bytes.size() - 16)));
        return type_.make(key.get(),
                          {read_be<TimestampMs>(times.substr(8)), read_be<TimestampMs>(times)});
    }

private:
    const WindowedType& type_;
    SerdePtr inner_;
};

}  // namespace

SerdePtr time_windowed_serde(const WindowedType& type, SerdePtr inner, int64_t size_ms) {
    if (!inner) return nullptr;
    return std::make_shared<TimeWindowedSerde>(type, std::move(inner), size_ms);
}

SerdePtr session_windowed_serde(const WindowedType& type, SerdePtr inner) {
    if (!inner) return nullptr;
    return std::make_shared<SessionWindowedSerde>(type, std::move(inner));
}

}  // namespace millrace::streams
