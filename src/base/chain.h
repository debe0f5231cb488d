// A chain is output on its way to a socket: pieces of memory and ranges of files, in order.
// Encoders append to it, record data is appended without a copy, and only the room that writes it
// (`net`) looks into the file handles.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace millrace {

// Exactly one of the two: `bytes` kept alive by `owner`, or `length` bytes of `file` (a
// runtime::File) from `position`.
struct ChainPart {
    ByteView bytes;
    std::shared_ptr<const void> owner;
    std::shared_ptr<void> file;
    uint64_t position = 0;
    uint64_t length = 0;

    uint64_t size() const { return file ? length : bytes.size(); }
};

class Chain {
public:
    Chain() = default;
    explicit Chain(SharedBytes bytes) { append(std::move(bytes)); }

    void append(SharedBytes bytes) {
        if (bytes.view.empty()) return;
        size_ += bytes.view.size();
        parts_.push_back({.bytes = bytes.view, .owner = std::move(bytes.owner)});
    }
    void append(ChainPart part) {
        if (part.size() == 0) return;
        size_ += part.size();
        parts_.push_back(std::move(part));
    }
    void append_file(std::shared_ptr<void> file, uint64_t position, uint64_t length) {
        if (length == 0) return;
        size_ += length;
        parts_.push_back({.file = std::move(file), .position = position, .length = length});
    }
    void append(Chain other) {
        size_ += other.size_;
        if (parts_.empty()) {
            parts_ = std::move(other.parts_);
            return;
        }
        for (ChainPart& part : other.parts_) parts_.push_back(std::move(part));
    }

    // Room for this many parts without another allocation.
    void reserve(size_t parts) { parts_.reserve(parts); }

    uint64_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const std::vector<ChainPart>& parts() const { return parts_; }

private:
    std::vector<ChainPart> parts_;
    uint64_t size_ = 0;
};

}  // namespace millrace
