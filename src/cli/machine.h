// The machine that a command runs on, waited for by the command's one thread.
#pragma once

#include "runtime/machine.h"

namespace millrace::cli {

using runtime::Machine;

}  // namespace millrace::cli
