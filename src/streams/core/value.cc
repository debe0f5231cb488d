#include "streams/core/value.h"

#include <cxxabi.h>

#include <cstdlib>

#include "base/check.h"

namespace millrace::streams {

std::string Type::name() const {
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(info->name(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? std::string(text.get()) : std::string(info->name());
}

Box Box::copy_of(const Type& type, Ref ref) {
    Box box;
    if (!ref) return box;
    INVARIANT(type.copy != nullptr);
    type.copy(ref, box.allocate(type));
    return box;
}

void* Box::allocate(const Type& type) {
    type_ = &type;
    if (is_inline(type)) return inline_;
    heap_ = ::operator new(type.size, std::align_val_t{type.align});
    return heap_;
}

}  // namespace millrace::streams
