// Any text is read without a crash, and what was read survives being written and read again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "config/properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace millrace::config;
    const auto parsed = parse_properties({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    std::string again;
    for (const Property& p : *parsed) again += format_property(p.name, p.value);
    const auto back = parse_properties(again);
    INVARIANT(back.has_value() && back->size() == parsed->size());
    for (size_t i = 0; i < parsed->size(); ++i) {
        INVARIANT((*back)[i].name == (*parsed)[i].name && (*back)[i].value == (*parsed)[i].value);
    }
    return 0;
}
