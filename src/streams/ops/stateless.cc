#include "streams/ops/stateless.h"

namespace millrace::streams::ops {
namespace {

// A node whose work is one function over the record and what it forwards to.
template <typename F>
class FunctionNode final : public Node {
public:
    explicit FunctionNode(const F& work) : work_(work) {}
    void process(const RawRecord& record) override { work_(record, context()); }

private:
    F work_;
};

template <typename F>
NodeSupplier node_of(F work) {
    return [work = std::move(work)] { return std::make_unique<FunctionNode<F>>(work); };
}

}  // namespace

NodeSupplier filter(Predicate predicate, bool negate) {
    return node_of([predicate = std::move(predicate), negate](const RawRecord& r, NodeContext& c) {
        if (predicate(r.key, r.value) != negate) c.forward(r);
    });
}

NodeSupplier select_key(KeyMapper mapper) {
    return node_of([mapper = std::move(mapper)](const RawRecord& r, NodeContext& c) {
        const Box key = mapper(r.key, r.value);
        c.forward(r.with_key(key.get()));
    });
}

NodeSupplier map(KeyValueMapper mapper) {
    return node_of([mapper = std::move(mapper)](const RawRecord& r, NodeContext& c) {
        const auto [key, value] = mapper(r.key, r.value);
        c.forward({key.get(), value.get(), r.timestamp, r.headers});
    });
}

NodeSupplier map_values(ValueMapper mapper) {
    return node_of([mapper = std::move(mapper)](const RawRecord& r, NodeContext& c) {
        const Box value = mapper(r.key, r.value);
        c.forward(r.with_value(value.get()));
    });
}

NodeSupplier flat_map(FlatKeyValueMapper mapper) {
    return node_of([mapper = std::move(mapper)](const RawRecord& r, NodeContext& c) {
        mapper(r.key, r.value,
               [&](Ref key, Ref value) { c.forward({key, value, r.timestamp, r.headers}); });
    });
}

NodeSupplier flat_map_values(FlatValueMapper mapper) {
    return node_of([mapper = std::move(mapper)](const RawRecord& r, NodeContext& c) {
        mapper(r.key, r.value, [&](Ref value) { c.forward(r.with_value(value)); });
    });
}

NodeSupplier peek(ForeachAction action) {
    return node_of([action = std::move(action)](const RawRecord& r, NodeContext& c) {
        action(r.key, r.value);
        c.forward(r);
    });
}

NodeSupplier foreach (ForeachAction action) {
    return node_of(
        [action = std::move(action)](const RawRecord& r, NodeContext&) { action(r.key, r.value); });
}

NodeSupplier pass_through() {
    return node_of([](const RawRecord& r, NodeContext& c) { c.forward(r); });
}

NodeSupplier branch(
    std::shared_ptr<const std::vector<std::pair<Predicate, std::string>>> branches) {
    return node_of([branches = std::move(branches)](const RawRecord& r, NodeContext& c) {
        for (const auto& [predicate, child] : *branches)
            if (predicate(r.key, r.value)) return c.forward(r, child);
    });
}

}  // namespace millrace::streams::ops
