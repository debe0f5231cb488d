#include "base/result.h"

namespace millrace {

std::string Error::describe() const {
    std::string s{error_name(code)};
    s += ": ";
    s += message.empty() ? error_text(code) : std::string_view{message};
    return s;
}

}  // namespace millrace
