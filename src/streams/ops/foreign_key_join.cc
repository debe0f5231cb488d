#include "streams/ops/foreign_key_join.h"

#include <algorithm>

#include "streams/state/subscriptions.h"

namespace millrace::streams::ops {
namespace {

class ForeignKeyNode : public Node {
public:
    explicit ForeignKeyNode(ForeignKeyJoinPtr join) : join_(std::move(join)) {}

protected:
    const ForeignKeyJoin& join() const { return *join_; }
    const AnySerde& left_key_serde() const {
        return context().serde_defaults().key_serde(join_->left_key_serde, *join_->left_key,
                                                    join_->name);
    }
    const AnySerde& left_value_serde() const {
        return context().serde_defaults().value_serde(join_->left_value_serde, *join_->left_value,
                                                      join_->name);
    }
    const AnySerde& right_key_serde() const {
        return context().serde_defaults().key_serde(join_->right_key_serde, *join_->right_key,
                                                    join_->name);
    }
    const AnySerde& right_value_serde() const {
        return context().serde_defaults().value_serde(join_->right_value_serde, *join_->right_value,
                                                      join_->name);
    }
    std::optional<ValueHash> hash_of_left(Ref value) const {
        const NullableBytes bytes = serialize(left_value_serde(), value);
        if (!bytes) return std::nullopt;
        return hash_of(*bytes);
    }
    void answer(const RawRecord& record, const Subscription& to, Ref right_value) const {
        const Box left_key = deserialize(left_key_serde(), to.left_key);
        const Answer sent{encode_response({to.hash, serialize(right_value_serde(), right_value)}),
                          to.left_partition};
        forward({left_key.get(), &sent, record.timestamp, record.headers});
    }

private:
    ForeignKeyJoinPtr join_;
};

class SendNode final : public ForeignKeyNode {
public:
    using ForeignKeyNode::ForeignKeyNode;

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        const Change& change = *static_cast<const Change*>(record.value);
        if (join().left_versioned && !change.is_latest)
            return context().dropped("it is out of order");
        if (!change.old_value && !change.new_value) return;
        const Box new_key = foreign_key(record.key, change.new_value);
        const Box old_key = foreign_key(record.key, change.old_value);
        const std::optional<ValueHash> hash = hash_of_left(change.new_value);
        const auto send = [&](const Box& key, Instruction instruction) {
            this->send(record, key, hash, instruction);
        };
        const bool moved = old_key && (!new_key || bytes_of(new_key) != bytes_of(old_key));
        if (join().left_join) {
            if (moved) send(old_key, Instruction::unsubscribe);
            send(new_key, Instruction::subscribe_and_answer);
        } else if (moved && new_key) {
            // What the old key's value had given has to go, whether the new key has one or not.
            send(old_key, Instruction::unsubscribe);
            send(new_key, Instruction::subscribe_and_answer);
        } else if (moved) {
            send(old_key, Instruction::unsubscribe_and_answer);
        } else if (new_key) {
            send(new_key, Instruction::subscribe_and_answer_if_present);
        } else {
            context().dropped("its foreign key is null");
        }
    }

private:
    Box foreign_key(Ref key, Ref value) const {
        return value ? join().extractor(key, value) : Box();
    }
    NullableBytes bytes_of(const Box& key) const { return serialize(right_key_serde(), key.get()); }
    void send(const RawRecord& record, const Box& key, const std::optional<ValueHash>& hash,
              Instruction instruction) const {
        const Bytes bytes =
            encode_subscription({.hash = hash,
                                 .instruction = instruction,
                                 .left_key = *serialize(left_key_serde(), record.key),
                                 .left_partition = context().record_context()->partition});
        forward({key.get(), &bytes, record.timestamp, record.headers});
    }
};

class ReceiveNode final : public ForeignKeyNode {
public:
    using ForeignKeyNode::ForeignKeyNode;

    void init(NodeContext& node) override {
        ForeignKeyNode::init(node);
        store_ = &static_cast<Subscriptions&>(node.store(join().store));
    }

    void process(const RawRecord& record) override {
        const Bytes& bytes = *static_cast<const Bytes*>(record.value);
        const Subscription subscription = decode_subscription(bytes);
        // A left join is answered for a null, too; nothing is kept of it.
        if (!record.key && subscription.instruction != Instruction::subscribe_and_answer)
            return context().dropped("its foreign key is null");
        if (record.key) keep(record, subscription, bytes);
        forward(record.with_value(&subscription));
    }

private:
    void keep(const RawRecord& record, const Subscription& subscription, BytesView bytes) {
        const Bytes key =
            subscription_key(*serialize(right_key_serde(), record.key), subscription.left_key);
        const bool ends = subscription.instruction == Instruction::unsubscribe ||
                          subscription.instruction == Instruction::unsubscribe_and_answer;
        if (ends)
            store_->erase(key);
        else
            store_->put(key, bytes, record.timestamp);
    }
    Subscriptions* store_ = nullptr;
};

class AnswerNode final : public ForeignKeyNode {
public:
    explicit AnswerNode(ForeignKeyJoinPtr join)
        : ForeignKeyNode(join), right_(join->right->make()) {}

    void init(NodeContext& node) override {
        ForeignKeyNode::init(node);
        right_->init(node);
    }

    void process(const RawRecord& record) override {
        const auto& subscription = *static_cast<const Subscription*>(record.value);
        StoredValue found;
        if (record.key) found = right_->get(record.key);
        const RawRecord in_time =
            found ? record.at(std::max(record.timestamp, found.timestamp)) : record;
        switch (subscription.instruction) {
            case Instruction::unsubscribe:
                return;
            case Instruction::unsubscribe_and_answer:
                return answer(in_time, subscription, nullptr);
            case Instruction::subscribe_and_answer_if_present:
                if (!found) return;
                [[fallthrough]];
            case Instruction::subscribe_and_answer:
                return answer(in_time, subscription, found.value.get());
        }
    }

private:
    std::unique_ptr<dsl::TableGetter> right_;
};

class AnswerAllNode final : public ForeignKeyNode {
public:
    using ForeignKeyNode::ForeignKeyNode;

    void init(NodeContext& node) override {
        ForeignKeyNode::init(node);
        store_ = &static_cast<Subscriptions&>(node.store(join().store));
    }

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        const Change& change = *static_cast<const Change*>(record.value);
        if (join().right_versioned && !change.is_latest)
            return context().dropped("it is out of order");
        const Bytes prefix = subscription_key(*serialize(right_key_serde(), record.key));
        for (const Subscriptions::Row& row : store_->rows(prefix))
            answer(record, decode_subscription(row.value), change.new_value);
    }

private:
    Subscriptions* store_ = nullptr;
};

class ResolveNode final : public ForeignKeyNode {
public:
    explicit ResolveNode(ForeignKeyJoinPtr join)
        : ForeignKeyNode(join), left_(join->left->make()) {}

    void init(NodeContext& node) override {
        ForeignKeyNode::init(node);
        left_->init(node);
    }

    void process(const RawRecord& record) override {
        const Response response = decode_response(*static_cast<const Bytes*>(record.value));
        const StoredValue left = left_->get(record.key);
        if (hash_of_left(left.value.get()) != response.hash)
            return context().dropped("the left value has changed since it was asked for");
        Box result;
        if (response.right_value || (join().left_join && left)) {
            const Box right = deserialize(right_value_serde(), view_of(response.right_value));
            result = join().joiner(record.key, left.value.get(), right.get());
        }
        forward(record.with_value(result.get()));
    }

private:
    std::unique_ptr<dsl::TableGetter> left_;
};

template <typename N>
NodeSupplier supplier(ForeignKeyJoinPtr join) {
    return [join = std::move(join)] { return std::make_unique<N>(join); };
}

class AnswerSerde final : public AnySerde {
public:
    const Type& type() const override { return kTypeOf<Answer>; }
    void serialize(Ref value, Bytes& out) const override {
        out += static_cast<const Answer*>(value)->response;
    }
    // Which partition it was for is not written.
    Result<Box> deserialize(BytesView bytes) const override {
        return Box::of(Answer{Bytes(bytes), 0});
    }
};

}  // namespace

SerdePtr answer_serde() {
    return std::make_shared<AnswerSerde>();
}

StreamPartitioner answer_partitioner() {
    return [](std::string_view, Ref, Ref value, int32_t) {
        return std::optional(std::vector{static_cast<const Answer*>(value)->partition});
    };
}

NodeSupplier send_subscriptions(ForeignKeyJoinPtr join) {
    return supplier<SendNode>(std::move(join));
}
NodeSupplier receive_subscriptions(ForeignKeyJoinPtr join) {
    return supplier<ReceiveNode>(std::move(join));
}
NodeSupplier answer_subscriptions(ForeignKeyJoinPtr join) {
    return supplier<AnswerNode>(std::move(join));
}
NodeSupplier answer_all_subscriptions(ForeignKeyJoinPtr join) {
    return supplier<AnswerAllNode>(std::move(join));
}
NodeSupplier resolve_responses(ForeignKeyJoinPtr join) {
    return supplier<ResolveNode>(std::move(join));
}

}  // namespace millrace::streams::ops
