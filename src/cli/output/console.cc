#include "cli/output/console.h"

namespace millrace::cli {

std::string sentence(const Error& error) {
    return error.message.empty() ? std::string{error_text(error.code)} : error.message;
}

int Console::fail(const Error& error, std::string_view advice) const {
    std::fflush(out);
    error_line(fmt::format("millrace: {}", sentence(error)));
    if (!advice.empty()) error_line(advice);
    return kFailed;
}

}  // namespace millrace::cli
