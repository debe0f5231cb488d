#include "protocol/catalog.h"

#include <algorithm>

namespace millrace::protocol {

#define MILLRACE_MESSAGE(name) extern const MessageInfo k##name##Info;
#include "protocol/messages.inc"
#undef MILLRACE_MESSAGE

namespace {

constexpr const MessageInfo* kAll[] = {
#define MILLRACE_MESSAGE(name) &k##name##Info,
#include "protocol/messages.inc"
#undef MILLRACE_MESSAGE
};

template <typename Predicate>
const MessageInfo* find(Predicate predicate) {
    const auto* it = std::ranges::find_if(kAll, predicate);
    return it == std::end(kAll) ? nullptr : *it;
}

}  // namespace

std::span<const MessageInfo* const> all_messages() {
    return kAll;
}

const MessageInfo* find_message(std::string_view name) {
    return find([&](const MessageInfo* m) { return m->name == name; });
}

const MessageInfo* find_message(MessageKind kind, int16_t key) {
    return find([&](const MessageInfo* m) { return m->kind == kind && m->key == key; });
}

}  // namespace millrace::protocol
