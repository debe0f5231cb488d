// Ownership of a descriptor, and how the system's errors become ours. Only for the Linux files of
// this room.
#pragma once

#include <cerrno>
#include <utility>

#include "base/result.h"

namespace millrace::runtime {

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) : number_(number) {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~FileDescriptor() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    void reset();

private:
    int number_ = -1;
};

// `what` names the call and its object: "open /var/x: No such file or directory".
Error system_error(std::string_view what, std::string_view object, int error_number = errno);

}  // namespace millrace::runtime
