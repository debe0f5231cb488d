#include <algorithm>
#include <limits>

#include "streams/dsl/table_parts.h"
#include "streams/errors.h"
#include "streams/ops/suppress.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kSuppress = "KTABLE-SUPPRESS-";

class SuppressOp final : public TableOp {
public:
    SuppressOp(std::shared_ptr<TableOp> above, ops::Suppression suppression)
        : above_(std::move(above)), suppression_(std::move(suppression)) {}
    std::shared_ptr<const TableView> view() override {
        return ops::suppress_view(suppression_, above_->view());
    }
    bool enable_sending_old_values(bool force) override {
        return above_->enable_sending_old_values(force);
    }

private:
    std::shared_ptr<TableOp> above_;
    ops::Suppression suppression_;
};

// How long after its end a window can change, by the nearest aggregations in windows on each way
// up: the longest counts. TopologyException for a way without any.
int64_t window_grace(const GraphNode& node) {
    if (node.window_grace_ms) return *node.window_grace_ms;
    if (node.parents.empty())
        throw TopologyException(
            "Invalid topology: only what comes from a windowed aggregation alone can be suppressed "
            "until windows close");
    int64_t grace = 0;
    for (const GraphNode* parent : node.parents) grace = std::max(grace, window_grace(*parent));
    return grace;
}

// The keys' windows, where the table does not say (one made from a stream).
const WindowedType* windows_of(const Table& table) {
    if (table.windowed) return table.windowed;
    const GraphNode* above = find_above(*table.node, [&](const GraphNode& node) {
        return node.windowed && node.windowed->windowed == table.key_type;
    });
    if (!above)
        throw TopologyException(fmt::format(
            "Invalid topology: keys of {} have no windows that suppress() could wait for",
            table.name));
    return above->windowed;
}

void check(const Table& table, const Suppressed& suppressed) {
    if (table.versioned)
        throw TopologyException("Invalid topology: a versioned table cannot be suppressed");
    const BufferConfig& buffer = suppressed.buffer;
    constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();
    const bool bounded = buffer.records_max != kUnbounded || buffer.bytes_max != kUnbounded;
    if (!suppressed.time_limit_ms && bounded && !buffer.shut_down_when_full)
        throw IllegalArgumentException(
            "a buffer with a bound that lets changes go early cannot wait until windows close");
    if (suppressed.time_limit_ms.value_or(0) < 0)
        throw IllegalArgumentException("the time limit is negative");
}

}  // namespace

Table Table::suppress(const Suppressed& suppressed) const {
    check(*this, suppressed);
    ops::Suppression s{.key_type = key_type,
                       .value_type = value_type,
                       .key = key,
                       .value = value,
                       .buffer = suppressed.buffer};
    s.node = suppressed.name ? *suppressed.name : graph->new_name(kSuppress);
    s.store = suppressed.name ? *suppressed.name + "-store" : graph->new_store_name(kSuppress);
    if (suppressed.time_limit_ms) {
        s.duration_ms = *suppressed.time_limit_ms;
    } else {
        s.duration_ms = window_grace(*node);
        s.windowed = windows_of(*this);
    }
    op->enable_sending_old_values(true);
    const StoreSpecPtr store = graph->add_store(ops::suppress_store(s), true);

    Table table = *this;
    table.name = s.node;
    table.queryable.clear();
    table.op = std::make_shared<SuppressOp>(op, s);
    table.node = graph->add(graph_node({.name = s.node,
                                        .supplier = ops::suppress(s),
                                        .key_in = key_type,
                                        .key_out = key_type,
                                        .own = [store] { return store; },
                                        .stores = nullptr}),
                            {node});
    return table;
}

}  // namespace millrace::streams::dsl
