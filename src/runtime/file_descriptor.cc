#include "runtime/file_descriptor.h"

#include <fmt/format.h>
#include <unistd.h>

namespace millrace::runtime {
namespace {

ErrorCode code_of(int error_number) {
    switch (error_number) {
        case ENOENT:
            return ErrorCode::not_found;
        case EEXIST:
        case EADDRINUSE:
            return ErrorCode::already_exists;
        case ENOSPC:
        case EDQUOT:
            return ErrorCode::no_space;
        case EPIPE:
        case ECONNRESET:
        case ECONNABORTED:
            return ErrorCode::connection_closed;
        case ETIMEDOUT:
            return ErrorCode::deadline_exceeded;
        case EIO:
        case EROFS:
        case ENXIO:
        case ENODEV:
        case EBADMSG:
        case EUCLEAN:
        case EREMOTEIO:
        case ESTALE:
        case ESHUTDOWN:
            return ErrorCode::device_failed;
        default:
            return ErrorCode::io_error;
    }
}

}  // namespace

void FileDescriptor::reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Error system_error(std::string_view what, std::string_view object, int error_number) {
    const char* text = strerrordesc_np(error_number);
    return fail(code_of(error_number),
                fmt::format("{} {}: {}", what, object, text ? text : "unknown error"));
}

}  // namespace millrace::runtime
