// What a tool says against a command line or a file that it was given.
#pragma once

#include <string>

#include "base/result.h"

namespace millrace::cli::kafka {

inline Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

}  // namespace millrace::cli::kafka
