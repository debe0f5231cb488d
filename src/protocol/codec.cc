#include "protocol/codec.h"

#include <bit>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/varint.h"

namespace millrace::protocol {

namespace {

constexpr size_t kStringMax = 32767;
constexpr size_t kFirstCapacity = 256;

}  // namespace

Error version_error(std::string_view message, int16_t version) {
    return fail(ErrorCode::unsupported_version,
                fmt::format("{} has no version {}", message, version));
}

// ---- Decoder

Error Decoder::error(std::string_view message) const {
    return millrace::fail(ErrorCode::malformed,
                          fmt::format("{} v{}: {}{}{} at byte {}", message, version_, error_field_,
                                      *error_field_ ? ": " : "", error_, error_at_));
}

void Decoder::fail(const char* what) {
    if (ok()) {
        error_ = what;
        error_field_ = field_;
        error_at_ = consumed();
    }
    p_ = end_;
}

double Decoder::float64() {
    return std::bit_cast<double>(number<uint64_t>());
}

Uuid Decoder::uuid() {
    const uint64_t high = number<uint64_t>();
    return {high, number<uint64_t>()};
}

uint32_t Decoder::uvarint() {
    if (p_ != end_ && *p_ < 0x80) [[likely]]
        return *p_++;
    uint32_t n = 0;
    const uint8_t* next = read_uvarint32(p_, end_, n);
    if (next == nullptr) {
        fail("bad varint");
        return 0;
    }
    p_ = next;
    return n;
}

ByteView Decoder::take(size_t n) {
    if (remaining() < n) {
        fail("cut short");
        return {};
    }
    const ByteView out(p_, n);
    p_ += n;
    return out;
}

int32_t Decoder::string_length(bool compact) {
    const int64_t n = compact ? int64_t{uvarint()} - 1 : int64_t{number<int16_t>()};
    if (n < 0) return -1;
    if (static_cast<size_t>(n) > remaining() || static_cast<size_t>(n) > kStringMax) {
        fail("string length is too large");
        return 0;
    }
    return static_cast<int32_t>(n);
}

int32_t Decoder::bytes_length(bool compact) {
    const int64_t n = compact ? int64_t{uvarint()} - 1 : int64_t{number<int32_t>()};
    if (n < 0) return -1;
    if (static_cast<size_t>(n) > remaining() || n > INT32_MAX) {
        fail("length is larger than what is left");
        return 0;
    }
    return static_cast<int32_t>(n);
}

int32_t Decoder::array_length(bool compact, size_t element_bytes) {
    const int64_t n = compact ? int64_t{uvarint()} - 1 : int64_t{number<int32_t>()};
    if (n < 0) return -1;
    if (static_cast<size_t>(n) > remaining() / element_bytes || n > INT32_MAX) {
        fail("array is larger than what is left");
        return 0;
    }
    return static_cast<int32_t>(n);
}

Decoder::Region Decoder::enter(size_t size) {
    const Region region{end_};
    if (size > remaining()) {
        fail("tagged field is larger than what is left");
    } else {
        end_ = p_ + size;
    }
    return region;
}

void Decoder::leave(Region region) {
    if (p_ != end_) fail("tagged field has bytes left over");
    end_ = region.outer_end;
    if (!ok()) p_ = end_;
}

// ---- Writer

void Writer::grow(size_t n) {
    const size_t size = used();
    const size_t capacity =
        std::max({kFirstCapacity, size + n, 2 * static_cast<size_t>(limit_ - buffer_.get())});
    auto larger = std::make_shared_for_overwrite<uint8_t[]>(capacity);
    if (size > 0) std::memcpy(larger.get(), buffer_.get(), size);
    buffer_ = std::move(larger);
    p_ = buffer_.get() + size;
    limit_ = buffer_.get() + capacity;
}

void Writer::uvarint(uint64_t n) {
    reserve(kUvarint64BytesMax);
    p_ = write_uvarint(p_, n);
}

void Writer::splice(const Chain& chain) {
    for (const ChainPart& part : chain.parts()) splices_.push_back({used(), part});
    spliced_ += chain.size();
}

Writer::Mark Writer::begin_sized() {
    const Mark start = mark();
    number<uint8_t>(0);  // room for most sizes; the others move what follows
    return start;
}

void Writer::end_sized(Mark start) {
    const uint64_t size = used() - start.at - 1 + spliced_ - start.spliced;
    const size_t more = static_cast<size_t>(uvarint_size(size)) - 1;
    if (more > 0) {
        reserve(more);
        uint8_t* body = buffer_.get() + start.at + 1;
        std::memmove(body + more, body, static_cast<size_t>(p_ - body));
        p_ += more;
        for (size_t i = start.splices; i < splices_.size(); ++i) splices_[i].at += more;
    }
    write_uvarint(buffer_.get() + start.at, size);
}

void Writer::rewind(Mark to) {
    p_ = buffer_.get() + to.at;
    spliced_ = to.spliced;
    splices_.resize(to.splices);
}

Chain Writer::take() {
    const size_t size = used();
    const std::shared_ptr<const uint8_t[]> memory = std::exchange(buffer_, nullptr);
    Chain out;
    out.reserve(2 * splices_.size() + 1);
    size_t done = 0;
    const auto upto = [&](size_t at) {
        if (at > done) out.append(SharedBytes{memory, ByteView(memory.get() + done, at - done)});
        done = at;
    };
    for (Splice& s : splices_) {
        upto(s.at);
        out.append(std::move(s.part));
    }
    upto(size);
    p_ = limit_ = nullptr;
    splices_.clear();
    spliced_ = 0;
    return out;
}

Chain Writer::take_frame() {
    patch<int32_t>(0, static_cast<int32_t>(size() - sizeof(int32_t)));
    return take();
}

Result<std::vector<uint8_t>> Writer::take_bytes() {
    const Chain chain = take();
    std::vector<uint8_t> out;
    out.reserve(chain.size());
    for (const ChainPart& part : chain.parts()) {
        if (part.file)
            return fail(ErrorCode::invalid_request, "a part of the message lies in a file");
        out.insert(out.end(), part.bytes.begin(), part.bytes.end());
    }
    return out;
}

// ---- Encoder

Error Encoder::error(std::string_view message) const {
    return millrace::fail(code_, fmt::format("{} v{}: {} {}", message, version_, field_, error_));
}

void Encoder::fail(const char* field, const char* what, ErrorCode code) {
    if (!ok()) return;
    error_ = what;
    field_ = field;
    code_ = code;
}

void Encoder::string(const char* field, std::string_view s, bool compact) {
    if (s.size() > kStringMax)
        return fail(field, "is longer than 32767 bytes", ErrorCode::invalid_request);
    if (compact) {
        out_.uvarint(s.size() + 1);
    } else {
        out_.number(static_cast<int16_t>(s.size()));
    }
    out_.bytes(as_bytes(s));
}

void Encoder::bytes_length(const char* field, uint64_t size, bool compact) {
    if (size > INT32_MAX) return fail(field, "is longer than 2 GiB", ErrorCode::invalid_request);
    if (compact) {
        out_.uvarint(size + 1);
    } else {
        out_.number(static_cast<int32_t>(size));
    }
}

void Encoder::array_length(const char* field, size_t count, bool compact) {
    bytes_length(field, count, compact);
}

}  // namespace millrace::protocol
