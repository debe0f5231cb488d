#include "cli/kafka/misuse.h"
namespace millrace::cli::kafka {
int storage(const Console&, const Words&) {
    return 1;
}
}  // namespace millrace::cli::kafka
