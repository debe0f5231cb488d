#include "base/error_code.h"

namespace millrace {
namespace {

struct Row {
    ErrorCode code;
    std::string_view wire_name;
    bool retriable;
    std::string_view text;
};

constexpr Row kRows[] = {
#define MILLRACE_ERROR(number, name, wire_name, retriable, text) \
    {ErrorCode::name, wire_name, retriable, text},
#include "../../schema/errors.def"
#undef MILLRACE_ERROR
};

constexpr Row kUnknownRow{ErrorCode::unknown_server_error, "UNKNOWN_ERROR_CODE", false,
                          "An error code that this version does not know."};

const Row& row(ErrorCode code) {
    for (const Row& r : kRows)
        if (r.code == code) return r;
    return kUnknownRow;
}

}  // namespace

std::string_view error_name(ErrorCode code) {
    return row(code).wire_name;
}
std::string_view error_text(ErrorCode code) {
    return row(code).text;
}
bool error_retriable(ErrorCode code) {
    return row(code).retriable;
}

}  // namespace millrace
