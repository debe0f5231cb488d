#include "cli/cluster/choose.h"

#include <re2/re2.h>

namespace millrace::cli {

Result<NameFilter> NameFilter::parse(std::string_view text) {
    std::string pattern{text};
    std::ranges::replace(pattern, ',', '|');
    std::erase_if(pattern, [](char c) { return c == ' ' || c == '"' || c == '\''; });
    RE2::Options options;
    options.set_log_errors(false);
    auto compiled = std::make_shared<const RE2>(pattern, options);
    if (!compiled->ok())
        return fail(ErrorCode::invalid_request, fmt::format("{} is an invalid regex.", pattern));
    NameFilter out;
    out.pattern_ = std::move(compiled);
    return out;
}

bool NameFilter::fits(std::string_view name) const {
    return RE2::FullMatch(name, *pattern_);
}

bool is_internal_topic(std::string_view name) {
    return name == "__consumer_offsets" || name == "__transaction_state" ||
           name == "__share_group_state";
}

}  // namespace millrace::cli
