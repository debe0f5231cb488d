// Bytes <-> messages. `decode` and `encode` are all that most code needs:
//
//   TRY(auto request, decode<FetchRequest>(body, version));
//   Writer out;
//   TRY_OK(encode(response, version, out));
//   Chain bytes = out.take();
//
// Decoding trusts nothing: every length is held against the bytes that are left before anything is
// allocated, and a decoded message borrows strings and bytes from its input, which must outlive it.
// Encodings: README.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/chain.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/message.h"

namespace millrace::protocol {

// Reads primitives one after another. The first failure sticks: all later reads give zeros, and
// `ok()` is false.
class Decoder {
public:
    Decoder(ByteView in, int16_t version, bool flexible)
        : start_(in.data()),
          p_(in.data()),
          end_(in.data() + in.size()),
          version_(version),
          flexible_(flexible) {}

    int16_t version() const { return version_; }
    bool flexible() const { return flexible_; }
    bool ok() const { return error_ == nullptr; }
    size_t remaining() const { return static_cast<size_t>(end_ - p_); }
    size_t consumed() const { return static_cast<size_t>(p_ - start_); }
    // ErrorCode::malformed, naming the message and the field.
    Error error(std::string_view message) const;
    // `what` must be a constant.
    void fail(const char* what);
    // The field that the next failure is blamed on; a constant.
    void at(const char* field) { field_ = field; }

    template <typename T>
    T number() {
        if (remaining() < sizeof(T)) [[unlikely]] {
            fail("cut short");
            return 0;
        }
        const T v = load_be<T>(p_);
        p_ += sizeof(T);
        return v;
    }
    bool boolean() { return number<uint8_t>() != 0; }
    double float64();
    Uuid uuid();
    uint32_t uvarint();
    // The next `n` bytes; empty and failed when there are fewer.
    ByteView take(size_t n);

    // A length field and what it counts: -1 is null, otherwise no more than the bytes that are
    // left. `compact` is the uvarint form of flexible versions. Java refuses strings above 32767
    // bytes, and so do we.
    int32_t string_length(bool compact);
    int32_t bytes_length(bool compact);
    // A count of elements that take at least `element_bytes` each.
    int32_t array_length(bool compact, size_t element_bytes);

    // The region of a tagged field: until `leave`, reads end `size` bytes from here; leaving fails
    // when some are unread.
    struct Region {
        const uint8_t* outer_end;
    };
    Region enter(size_t size);
    void leave(Region region);

private:
    const uint8_t* start_;
    const uint8_t* p_;
    const uint8_t* end_;
    int16_t version_;
    bool flexible_;
    const char* error_ = nullptr;
    const char* field_ = "";
    const char* error_field_ = "";
    size_t error_at_ = 0;
};

// A growing output buffer with chains spliced in by reference. Reusable after take().
class Writer {
public:
    Writer() = default;
    explicit Writer(size_t capacity) { grow(capacity); }

    // Bytes so far, spliced chains included.
    uint64_t size() const { return used() + spliced_; }
    bool empty() const { return size() == 0; }

    template <typename T>
    void number(T v) {
        store_be<T>(reserve(sizeof(T)), v);
        p_ += sizeof(T);
    }
    void bytes(ByteView b) {
        if (b.empty()) return;
        std::memcpy(reserve(b.size()), b.data(), b.size());
        p_ += b.size();
    }
    void uvarint(uint64_t n);
    // By reference; its memory must live as long as the output (an owner in the chain sees to
    // that).
    void splice(const Chain& chain);

    // Overwrites a number written earlier; `position` is what size() was before it, and no chain
    // may have come before that.
    template <typename T>
    void patch(uint64_t position, T v) {
        store_be<T>(buffer_.get() + position, v);
    }

    // A part whose size in bytes (a uvarint) stands before it: the size is filled in by
    // `end_sized`.
    struct Mark {
        size_t at;         // in the buffer
        uint64_t spliced;  // bytes spliced before
        size_t splices;
    };
    Mark begin_sized();
    void end_sized(Mark mark);

    // The state now, and back to it (after a failed encode).
    Mark mark() const { return {used(), spliced_, splices_.size()}; }
    void rewind(Mark mark);

    // All bytes; the writer is empty afterwards.
    Chain take();
    // A frame: take() of what begin_frame() began, with the size of the rest in its first four bytes.
    void begin_frame() { number<int32_t>(0); }
    Chain take_frame();
    // The same in one piece. ErrorCode::invalid_request when a part lies in a file.
    Result<std::vector<uint8_t>> take_bytes();

private:
    struct Splice {
        size_t at;  // in the buffer
        ChainPart part;
    };

    size_t used() const { return static_cast<size_t>(p_ - buffer_.get()); }
    uint8_t* reserve(size_t n) {
        if (static_cast<size_t>(limit_ - p_) < n) [[unlikely]]
            grow(n);
        return p_;
    }
    void grow(size_t n);

    std::shared_ptr<uint8_t[]> buffer_;
    uint8_t* p_ = nullptr;
    uint8_t* limit_ = nullptr;
    std::vector<Splice> splices_;
    uint64_t spliced_ = 0;
};

// A Writer with a message's version. The first failure sticks.
class Encoder {
public:
    Encoder(Writer& out, int16_t version, bool flexible)
        : out_(out), version_(version), flexible_(flexible) {}

    Writer& out() { return out_; }
    int16_t version() const { return version_; }
    bool flexible() const { return flexible_; }
    bool ok() const { return error_ == nullptr; }
    // ErrorCode::unsupported_version (a value that the version cannot carry) or invalid_request
    // (too long).
    Error error(std::string_view message) const;
    // `field` and `what` must be constants.
    void fail(const char* field, const char* what, ErrorCode code = ErrorCode::unsupported_version);

    void string(const char* field, std::string_view s, bool compact);
    void bytes_length(const char* field, uint64_t size, bool compact);
    void array_length(const char* field, size_t count, bool compact);
    void null(bool compact, bool string) {
        if (compact) {
            out_.number<uint8_t>(0);
        } else if (string) {
            out_.number<int16_t>(-1);
        } else {
            out_.number<int32_t>(-1);
        }
    }

private:
    Writer& out_;
    int16_t version_;
    bool flexible_;
    ErrorCode code_ = ErrorCode::none;
    const char* error_ = nullptr;
    const char* field_ = "";
};

// Not for use outside the room.
Error version_error(std::string_view message, int16_t version);

template <typename M>
constexpr bool has_version(int16_t version) {
    return M::kVersionMin <= version && version <= M::kVersionMax;
}
template <typename M>
constexpr bool is_flexible(int16_t version) {
    return version >= M::kFlexibleFrom;
}

// Reads an M from the front of `in` and moves `in` behind it. ErrorCode::unsupported_version,
// ErrorCode::malformed.
template <typename M>
Result<M> decode_prefix(ByteView& in, int16_t version) {
    if (!has_version<M>(version)) return version_error(M::kName, version);
    Result<M> out{std::in_place};
    Decoder decoder(in, version, is_flexible<M>(version));
    read(decoder, *out);
    if (!decoder.ok()) return decoder.error(M::kName);
    in = in.subspan(decoder.consumed());
    return out;
}

// Bytes left over after the message are ignored, as Kafka does.
template <typename M>
Result<M> decode(ByteView body, int16_t version) {
    return decode_prefix<M>(body, version);
}

// Appends `m` to `out`. ErrorCode::unsupported_version when a field that `version` lacks is set and
// may not be dropped, or a field is null where the version forbids it; `out` is unchanged then.
template <typename M>
Result<void> encode(const M& m, int16_t version, Writer& out) {
    if (!has_version<M>(version)) return version_error(M::kName, version);
    const Writer::Mark start = out.mark();
    Encoder encoder(out, version, is_flexible<M>(version));
    write(encoder, m);
    if (encoder.ok()) return {};
    out.rewind(start);
    return encoder.error(M::kName);
}

template <typename M>
Result<std::vector<uint8_t>> encode_to_bytes(const M& m, int16_t version) {
    Writer out;
    TRY_OK(encode(m, version, out));
    return out.take_bytes();
}

}  // namespace millrace::protocol
