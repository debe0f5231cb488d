// What a program asks of the system about itself.
#pragma once

#include <cstddef>

namespace millrace::runtime {

// Raises the limit of open descriptors as far as the system allows, and returns it.
size_t raise_descriptor_limit();

// What all threads of this process have used of processors until now.
double process_cpu_seconds();

}  // namespace millrace::runtime
