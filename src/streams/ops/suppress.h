// Holds a table's changes back. Kafka: KTableSuppressProcessorSupplier.
#pragma once

#include "streams/core/node.h"
#include "streams/dsl/options.h"
#include "streams/dsl/table.h"

namespace millrace::streams::ops {

struct Suppression {
    std::string node;
    std::string store;
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key;
    SerdePtr value;
    // Changes wait until their window ends, and so much longer; then deletes are not told. Null:
    // they wait for so long from the key's first change on.
    const WindowedType* windowed = nullptr;
    int64_t duration_ms = 0;
    dsl::BufferConfig buffer;
};
StoreSpec suppress_store(const Suppression& suppression);
NodeSupplier suppress(const Suppression& suppression);
// The values as they were last let go. `above`: the table that is held back.
std::shared_ptr<const dsl::TableView> suppress_view(const Suppression& suppression,
                                                    std::shared_ptr<const dsl::TableView> above);

}  // namespace millrace::streams::ops
