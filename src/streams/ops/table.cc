#include "streams/ops/table.h"

#include "base/log.h"
#include "streams/ops/table_store.h"

namespace millrace::streams::ops {
namespace {

class TableSourceNode final : public Node {
public:
    explicit TableSourceNode(TableSettings settings) : settings_(std::move(settings)) {}

    void init(NodeContext& node) override {
        Node::init(node);
        if (settings_.kept) kept_.init(node, settings_.store, settings_.send_old);
    }

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        if (!settings_.kept) {
            const Change change{.new_value = record.value};
            return forward(record.with_value(&change));
        }
        const StoredValue old = kept_.store().get(record.key);
        if (old && record.timestamp < old.timestamp)
            LOG_DEBUG("streams", "{}: a record of time {} after one of {}", settings_.store,
                      record.timestamp, old.timestamp);
        kept_.put(record, record.value, old.value.get());
    }

private:
    TableSettings settings_;
    KeptTable kept_;
};

class DerivedTableNode final : public Node {
public:
    DerivedTableNode(std::unique_ptr<TableFunction> function, TableSettings settings,
                     bool skip_null_changes)
        : function_(std::move(function)),
          settings_(std::move(settings)),
          skip_null_changes_(skip_null_changes) {}

    void init(NodeContext& node) override {
        Node::init(node);
        function_->init(node);
        if (settings_.kept) kept_.init(node, settings_.store, settings_.send_old);
    }

    void process(const RawRecord& record) override {
        const Change& in = *static_cast<const Change*>(record.value);
        Box new_holder;
        Box old_holder;
        const Ref new_value = function_->apply(record.key, in.new_value, new_holder);
        Ref old_value = nullptr;
        if (settings_.send_old && settings_.kept) {
            old_holder = kept_.store().get(record.key).value;
            old_value = old_holder.get();
        } else if (settings_.send_old) {
            old_value = function_->apply(record.key, in.old_value, old_holder);
        }
        if (skip_null_changes_ && settings_.send_old && !old_value && !new_value) return;
        if (settings_.kept) return kept_.put(record, new_value, old_value);
        const Change out{new_value, old_value, in.is_latest};
        forward(record.with_value(&out));
    }

    void close() override { function_->close(); }

private:
    std::unique_ptr<TableFunction> function_;
    TableSettings settings_;
    bool skip_null_changes_;
    KeptTable kept_;
};

class DerivedGetter final : public dsl::TableGetter {
public:
    DerivedGetter(std::unique_ptr<dsl::TableGetter> above, std::unique_ptr<TableFunction> function)
        : above_(std::move(above)), function_(std::move(function)) {}
    ~DerivedGetter() override { function_->close(); }

    void init(NodeContext& node) override {
        above_->init(node);
        function_->init(node);
    }
    StoredValue get(Ref key) override { return derive(key, above_->get(key)); }
    StoredValue get(Ref key, TimestampMs as_of) override {
        return derive(key, above_->get(key, as_of));
    }
    bool versioned() const override { return above_->versioned(); }

private:
    StoredValue derive(Ref key, StoredValue above) {
        Box holder;
        const Ref value = function_->apply(key, above.value.get(), holder);
        if (!value) return {};
        return {holder ? std::move(holder) : std::move(above.value), above.timestamp};
    }

    std::unique_ptr<dsl::TableGetter> above_;
    std::unique_ptr<TableFunction> function_;
};

class DerivedView final : public dsl::TableView {
public:
    DerivedView(std::shared_ptr<const dsl::TableView> above, TableFunctionSupplier function)
        : above_(std::move(above)), function_(std::move(function)) {}
    std::unique_ptr<dsl::TableGetter> make() const override {
        return std::make_unique<DerivedGetter>(above_->make(), function_());
    }
    std::vector<std::string> stores() const override { return above_->stores(); }

private:
    std::shared_ptr<const dsl::TableView> above_;
    TableFunctionSupplier function_;
};

class FilterFunction final : public TableFunction {
public:
    FilterFunction(const Predicate& predicate, bool negate)
        : predicate_(predicate), negate_(negate) {}
    Ref apply(Ref key, Ref value, Box&) override {
        return value && predicate_(key, value) != negate_ ? value : nullptr;
    }

private:
    Predicate predicate_;
    bool negate_;
};

class MapFunction final : public TableFunction {
public:
    explicit MapFunction(const ValueMapper& mapper) : mapper_(mapper) {}
    Ref apply(Ref key, Ref value, Box& holder) override {
        if (!value) return nullptr;
        holder = mapper_(key, value);
        return holder.get();
    }

private:
    ValueMapper mapper_;
};

// Called for deletes, too.
class TransformFunction final : public TableFunction {
public:
    explicit TransformFunction(std::unique_ptr<dsl::AnyValueTransformer> transformer)
        : transformer_(std::move(transformer)) {}
    void init(NodeContext& node) override { transformer_->init(node); }
    Ref apply(Ref key, Ref value, Box& holder) override {
        holder = transformer_->transform(key, value);
        return holder.get();
    }
    void close() override { transformer_->close(); }

private:
    std::unique_ptr<dsl::AnyValueTransformer> transformer_;
};

class TableToStreamNode final : public Node {
public:
    void process(const RawRecord& record) override {
        forward(record.with_value(static_cast<const Change*>(record.value)->new_value));
    }
};

}  // namespace

NodeSupplier table_source(TableSettingsPtr settings) {
    return [settings] { return std::make_unique<TableSourceNode>(*settings); };
}

TableFunctionSupplier table_filter(Predicate predicate, bool negate) {
    return [predicate = std::move(predicate), negate] {
        return std::make_unique<FilterFunction>(predicate, negate);
    };
}

TableFunctionSupplier table_map_values(ValueMapper mapper) {
    return [mapper = std::move(mapper)] { return std::make_unique<MapFunction>(mapper); };
}

TableFunctionSupplier table_transform_values(dsl::AnyValueTransformerSupplier supplier) {
    return [supplier = std::move(supplier)] {
        return std::make_unique<TransformFunction>(supplier());
    };
}

NodeSupplier derived_table(TableFunctionSupplier function, TableSettingsPtr settings,
                           bool skip_null_changes) {
    return [function = std::move(function), settings, skip_null_changes] {
        return std::make_unique<DerivedTableNode>(function(), *settings, skip_null_changes);
    };
}

std::shared_ptr<const dsl::TableView> derived_view(std::shared_ptr<const dsl::TableView> above,
                                                   TableFunctionSupplier function) {
    return std::make_shared<DerivedView>(std::move(above), std::move(function));
}

NodeSupplier table_to_stream() {
    return [] { return std::make_unique<TableToStreamNode>(); };
}

}  // namespace millrace::streams::ops
