// What a program asks of the system about itself, at start.
#pragma once

#include <cstddef>

namespace millrace::runtime {

// Raises the limit of open descriptors as far as the system allows, and returns it.
size_t raise_descriptor_limit();

}  // namespace millrace::runtime
