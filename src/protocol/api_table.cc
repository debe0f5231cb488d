#include "protocol/api_table.h"

#include <algorithm>

#include "base/check.h"

namespace millrace::protocol {

namespace {

constexpr ApiInfo kApis[] = {
#define MILLRACE_API(key, Name, name, min, max, flex, reply, ...) \
    {ApiKey::name, #Name, min, max, flex, reply, __VA_ARGS__},
#include "protocol/api_table.inc"
#undef MILLRACE_API
};

}  // namespace

std::span<const ApiInfo> all_apis() {
    return kApis;
}

const ApiInfo* find_api(int16_t key) {
    const auto by_key = [](const ApiInfo& a) { return static_cast<int16_t>(a.key); };
    const ApiInfo* it = std::ranges::lower_bound(kApis, key, {}, by_key);
    return it != std::end(kApis) && by_key(*it) == key ? it : nullptr;
}

const ApiInfo& api_info(ApiKey key) {
    const ApiInfo* found = find_api(static_cast<int16_t>(key));
    INVARIANT(found != nullptr);
    return *found;
}

}  // namespace millrace::protocol
