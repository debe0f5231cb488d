// Memory that was freed, and that the allocator keeps for later.
#pragma once

namespace millrace::runtime {

// Gives whole free pages back to the system. Takes milliseconds when there is much of it: for after
// something large went, not for each turn.
void return_free_memory();

}  // namespace millrace::runtime
