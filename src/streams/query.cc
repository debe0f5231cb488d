#include "streams/query.h"

#include <algorithm>

namespace millrace::streams {

std::string_view name_of(FailureReason reason) {
    switch (reason) {
        case FailureReason::unknown_query_type:
            return "UNKNOWN_QUERY_TYPE";
        case FailureReason::not_active:
            return "NOT_ACTIVE";
        case FailureReason::not_up_to_bound:
            return "NOT_UP_TO_BOUND";
        case FailureReason::not_present:
            return "NOT_PRESENT";
        case FailureReason::does_not_exist:
            return "DOES_NOT_EXIST";
        case FailureReason::store_exception:
            return "STORE_EXCEPTION";
    }
    return "";
}

namespace detail {

StateStore* asked(StateStore& store, std::initializer_list<StoreKind> kinds, const Type& key,
                  const Type& value) {
    if (std::ranges::find(kinds, store.spec().kind) == kinds.end()) return nullptr;
    return &checked(store, kinds, key, value);
}

std::string unknown_query(const StateStore& store, std::string_view query) {
    return fmt::format("the store {} does not answer a {}", store.name(), query);
}

void refuse_versioned(const StateStore& store, std::string_view query) {
    if (store.spec().kind == StoreKind::versioned)
        throw UnsupportedOperationException(
            fmt::format("the store {} is versioned: it does not answer a {}", store.name(), query));
}

}  // namespace detail
}  // namespace millrace::streams
