#include "streams/ops/table_join.h"

#include <algorithm>

#include "streams/ops/table_store.h"

namespace millrace::streams::ops {
namespace {

using dsl::JoinKind;

class TableJoinNode final : public Node {
public:
    TableJoinNode(const TableJoinSide& side, bool send_old)
        : side_(side),
          send_old_(send_old),
          own_optional_(side.left ? side.kind == JoinKind::outer : side.kind != JoinKind::inner),
          other_optional_(side.left ? side.kind != JoinKind::inner : side.kind == JoinKind::outer),
          getter_(side.other->make()) {}

    void init(NodeContext& node) override {
        Node::init(node);
        getter_->init(node);
    }

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        const Change& in = *static_cast<const Change*>(record.value);
        if (side_.versioned && !in.is_latest) return context().dropped("it is out of order");
        const StoredValue other = getter_->get(record.key);
        if (!other && (!other_optional_ || (!in.new_value && !in.old_value))) return;

        const Box new_value = join(record.key, in.new_value, other.value.get());
        const Box old_value = send_old_ ? join(record.key, in.old_value, other.value.get()) : Box();
        const Change out{new_value.get(), old_value.get(), in.is_latest};
        const TimestampMs timestamp =
            other ? std::max(record.timestamp, other.timestamp) : record.timestamp;
        forward(record.with_value(&out).at(timestamp));
    }

private:
    Box join(Ref key, Ref own, Ref other) const {
        if (!own && !(own_optional_ && other)) return {};
        return side_.left ? side_.joiner(key, own, other) : side_.joiner(key, other, own);
    }

    TableJoinSide side_;
    bool send_old_;
    bool own_optional_;
    bool other_optional_;
    std::unique_ptr<dsl::TableGetter> getter_;
};

class TableMergeNode final : public Node {
public:
    explicit TableMergeNode(TableSettings settings) : settings_(std::move(settings)) {}

    void init(NodeContext& node) override {
        Node::init(node);
        if (settings_.kept) kept_.init(node, settings_.store, settings_.send_old);
    }

    void process(const RawRecord& record) override {
        Change change = *static_cast<const Change*>(record.value);
        if (settings_.kept) return kept_.put(record, change.new_value, change.old_value);
        if (!settings_.send_old) change.old_value = nullptr;
        forward(record.with_value(&change));
    }

private:
    TableSettings settings_;
    KeptTable kept_;
};

class JoinGetter final : public dsl::TableGetter {
public:
    JoinGetter(std::unique_ptr<dsl::TableGetter> left, std::unique_ptr<dsl::TableGetter> right,
               const ValueJoiner& joiner, JoinKind kind)
        : left_(std::move(left)), right_(std::move(right)), joiner_(joiner), kind_(kind) {}

    void init(NodeContext& node) override {
        left_->init(node);
        right_->init(node);
    }
    StoredValue get(Ref key) override {
        const StoredValue left = left_->get(key);
        if (!left && kind_ != JoinKind::outer) return {};
        const StoredValue right = right_->get(key);
        if (!right && (!left || kind_ == JoinKind::inner)) return {};
        const TimestampMs none = -1;
        return {joiner_(key, left.value.get(), right.value.get()),
                std::max(left ? left.timestamp : none, right ? right.timestamp : none)};
    }

private:
    std::unique_ptr<dsl::TableGetter> left_;
    std::unique_ptr<dsl::TableGetter> right_;
    ValueJoiner joiner_;
    JoinKind kind_;
};

class JoinView final : public dsl::TableView {
public:
    JoinView(std::shared_ptr<const dsl::TableView> left,
             std::shared_ptr<const dsl::TableView> right, ValueJoiner joiner, JoinKind kind)
        : left_(std::move(left)),
          right_(std::move(right)),
          joiner_(std::move(joiner)),
          kind_(kind) {}
    std::unique_ptr<dsl::TableGetter> make() const override {
        return std::make_unique<JoinGetter>(left_->make(), right_->make(), joiner_, kind_);
    }
    std::vector<std::string> stores() const override {
        std::vector<std::string> all = left_->stores();
        for (std::string& name : right_->stores()) all.push_back(std::move(name));
        return all;
    }

private:
    std::shared_ptr<const dsl::TableView> left_;
    std::shared_ptr<const dsl::TableView> right_;
    ValueJoiner joiner_;
    JoinKind kind_;
};

}  // namespace

NodeSupplier table_join(TableJoinSide side, std::shared_ptr<const bool> send_old) {
    return [side = std::move(side), send_old] {
        return std::make_unique<TableJoinNode>(side, *send_old);
    };
}

NodeSupplier table_merge(TableSettingsPtr settings) {
    return [settings] { return std::make_unique<TableMergeNode>(*settings); };
}

std::shared_ptr<const dsl::TableView> table_join_view(std::shared_ptr<const dsl::TableView> left,
                                                      std::shared_ptr<const dsl::TableView> right,
                                                      ValueJoiner joiner, dsl::JoinKind kind) {
    return std::make_shared<JoinView>(std::move(left), std::move(right), std::move(joiner), kind);
}

}  // namespace millrace::streams::ops
