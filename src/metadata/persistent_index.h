// PersistentIndex<T, KeyOf>: an immutable hash index over shared, immutable objects that carry
// their own key. A copy is one pointer; an update copies only the path from the root (about log32 n
// small nodes), so that each metadata image shares all that did not change with the one before, and
// an image of 100,000 topics costs the same to derive as one of ten.
//
//   node: bit set of used slots; per used slot an object, or a node for the hash's next 5 bits
//
// Updates name an Edit: nodes made under the same Edit are changed in place, so a batch of n
// updates copies each node once. An Edit belongs to one writer; it must be renewed before an index
// is handed to readers (metadata::Builder does that). Readers on any thread need no lock. Iteration
// order depends on the keys only, not on the order of updates, except among equal hashes.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::metadata {

// Names one writer's batch of updates; unique in the process.
class Edit {
public:
    Edit() : id_(next()) {}
    void renew() { id_ = next(); }
    uint64_t id() const { return id_; }

private:
    static uint64_t next() {
        static std::atomic<uint64_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    uint64_t id_;
};

template <typename T, typename KeyOf, typename Hash>
class PersistentIndex {
public:
    using Pointer = std::shared_ptr<const T>;

    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // The pointer is valid as long as this index, or a copy of it, lives unchanged.
    template <typename Key>
    const Pointer* find_pointer(const Key& key) const {
        const uint64_t hash = hash_of(key);
        const Node* node = root_.get();
        for (int shift = 0; node != nullptr; shift += kBits) {
            if (shift >= kHashBits) {
                for (const Slot& slot : node->slots)
                    if (KeyOf{}(*std::get<Pointer>(slot)) == key) return &std::get<Pointer>(slot);
                return nullptr;
            }
            const uint32_t bit = bit_of(hash, shift);
            if ((node->used & bit) == 0) return nullptr;
            const Slot& slot = node->slots[rank(node->used, bit)];
            if (const Pointer* object = std::get_if<Pointer>(&slot))
                return KeyOf{}(**object) == key ? object : nullptr;
            node = std::get<Inner>(slot).get();
        }
        return nullptr;
    }
    template <typename Key>
    const T* find(const Key& key) const {
        const Pointer* p = find_pointer(key);
        return p ? p->get() : nullptr;
    }

    // Adds the object, in place of one with the same key.
    void set(Pointer object, const Edit& edit) {
        const uint64_t hash = hash_of(KeyOf{}(*object));
        if (!root_) root_ = make_node(edit.id());
        if (set_in(root_, hash, 0, std::move(object), edit.id())) ++size_;
    }
    // False when there is none with that key.
    template <typename Key>
    bool erase(const Key& key, const Edit& edit) {
        if (find_pointer(key) == nullptr) return false;
        erase_in(root_, hash_of(key), 0, key, edit.id());
        if (--size_ == 0) root_.reset();
        return true;
    }

    // Calls f(const Pointer&) for every object.
    template <typename F>
    void for_each(F&& f) const {
        if (root_) visit(*root_, f);
    }

private:
    static constexpr int kBits = 5;
    // The depth of 13 levels; below it a node lists objects of equal hash.
    static constexpr int kHashBits = 65;

    struct Node;
    using Inner = std::shared_ptr<Node>;
    using Slot = std::variant<Pointer, Inner>;
    struct Node {
        uint64_t edit = 0;
        uint32_t used = 0;
        std::vector<Slot> slots;
    };

    template <typename Key>
    static uint64_t hash_of(const Key& key) {
        uint64_t h = Hash{}(key);
        h ^= h >> 33;
        h *= 0xff51afd7ed558ccdULL;
        h ^= h >> 33;
        h *= 0xc4ceb9fe1a85ec53ULL;
        return h ^ (h >> 33);
    }
    static uint32_t bit_of(uint64_t hash, int shift) { return 1u << ((hash >> shift) & 31); }
    static size_t rank(uint32_t used, uint32_t bit) {
        return static_cast<size_t>(std::popcount(used & (bit - 1)));
    }
    static Inner make_node(uint64_t edit) {
        auto node = std::make_shared<Node>();
        node->edit = edit;
        return node;
    }
    // The node, private to this edit.
    static Node& own(Inner& inner, uint64_t edit) {
        if (inner->edit != edit) {
            inner = std::make_shared<Node>(*inner);
            inner->edit = edit;
        }
        return *inner;
    }

    // True when the key is new.
    static bool set_in(Inner& inner, uint64_t hash, int shift, Pointer object, uint64_t edit) {
        Node& node = own(inner, edit);
        if (shift >= kHashBits) {
            for (Slot& slot : node.slots) {
                Pointer& there = std::get<Pointer>(slot);
                if (KeyOf{}(*there) != KeyOf{}(*object)) continue;
                there = std::move(object);
                return false;
            }
            node.slots.emplace_back(std::move(object));
            return true;
        }
        const uint32_t bit = bit_of(hash, shift);
        const size_t at = rank(node.used, bit);
        if ((node.used & bit) == 0) {
            node.used |= bit;
            node.slots.insert(node.slots.begin() + static_cast<ptrdiff_t>(at), std::move(object));
            return true;
        }
        Slot& slot = node.slots[at];
        if (Pointer* there = std::get_if<Pointer>(&slot)) {
            if (KeyOf{}(**there) == KeyOf{}(*object)) {
                *there = std::move(object);
                return false;
            }
            Inner below = make_node(edit);
            const uint64_t hash_there = hash_of(KeyOf{}(**there));
            set_in(below, hash_there, shift + kBits, std::move(*there), edit);
            slot = std::move(below);
        }
        return set_in(std::get<Inner>(slot), hash, shift + kBits, std::move(object), edit);
    }

    // The key is there. A node below the root left with one object gives it to its parent, so that
    // equal sets have equal shape.
    template <typename Key>
    static void erase_in(Inner& inner, uint64_t hash, int shift, const Key& key, uint64_t edit) {
        Node& node = own(inner, edit);
        if (shift >= kHashBits) {
            std::erase_if(node.slots, [&](const Slot& slot) {
                return KeyOf{}(*std::get<Pointer>(slot)) == key;
            });
            return;
        }
        const uint32_t bit = bit_of(hash, shift);
        const size_t at = rank(node.used, bit);
        if (std::holds_alternative<Pointer>(node.slots[at])) {
            node.used &= ~bit;
            node.slots.erase(node.slots.begin() + static_cast<ptrdiff_t>(at));
            return;
        }
        Inner& below = std::get<Inner>(node.slots[at]);
        erase_in(below, hash, shift + kBits, key, edit);
        if (below->slots.size() == 1 && std::holds_alternative<Pointer>(below->slots[0])) {
            Pointer only = std::get<Pointer>(std::move(below->slots[0]));
            node.slots[at] = std::move(only);
        }
    }

    template <typename F>
    static void visit(const Node& node, F& f) {
        for (const Slot& slot : node.slots) {
            if (const Pointer* object = std::get_if<Pointer>(&slot)) {
                f(*object);
            } else {
                visit(*std::get<Inner>(slot), f);
            }
        }
    }

    Inner root_;
    size_t size_ = 0;
};

}  // namespace millrace::metadata
