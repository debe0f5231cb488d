#include "client/partition_queue.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::client;

namespace {

constexpr size_t kInFlightMax = 5;

// A queue of a producer with identity 7/0, and batches of `count` records each.
struct Queue {
    PartitionQueue q{"t", 0};
    ProducerIdentity identity{7, 0};
    uint64_t orders = 0;

    BatchRef add(int32_t count = 10) {
        BatchRef batch{new ProducerBatch(q, 0, {})};
        batch->order = orders += 16;
        batch->order_gap = 16;
        batch->count = count;
        batch->closed = true;
        q.push(batch);
        return batch;
    }
    // The next one that may go, on its way; empty when none may.
    BatchRef send() {
        if (q.next(kInFlightMax) == nullptr) return {};
        return q.take_next(identity, false);
    }
    // Past the first batch, which goes alone.
    void establish() {
        const BatchRef first = add(1);
        CHECK(send() == first);
        q.settle(first, true);
    }
};

}  // namespace

TEST_CASE("the first batch under an identity goes alone, then five are under way") {
    Queue queue;
    const BatchRef first = queue.add();
    for (int i = 0; i != 6; ++i) queue.add();
    CHECK(queue.send() == first);
    CHECK(first->base_sequence == 0);
    CHECK(!queue.send());
    queue.q.settle(first, true);
    for (int i = 0; i != 5; ++i) CHECK(queue.send()->base_sequence == 10 * (i + 1));
    CHECK(!queue.send());
}

TEST_CASE("no more are sent from the oldest on that is under way than a broker remembers") {
    Queue queue;
    queue.establish();
    for (int i = 0; i != 6; ++i) queue.add();
    const BatchRef oldest = queue.send();
    const BatchRef second = queue.send();
    for (int i = 0; i != 3; ++i) CHECK(queue.send());
    // A new leader has answered while the old one is silent.
    queue.q.settle(second, true);
    CHECK(!queue.send());
    queue.q.settle(oldest, true);
    CHECK(queue.send());
}

TEST_CASE("what failed goes again in order, under its number, one at a time") {
    Queue queue;
    queue.establish();
    const BatchRef a = queue.add();
    const BatchRef b = queue.add();
    const BatchRef c = queue.add();
    CHECK(queue.send() == a);
    CHECK(queue.send() == b);
    // Their failures may come in any order.
    queue.q.retry(b, Fate::unknown);
    CHECK(!queue.send());
    queue.q.retry(a, Fate::unknown);
    CHECK(queue.send() == a);
    CHECK(a->base_sequence == 1);
    CHECK(a->attempts == 2);
    CHECK(!queue.send());
    queue.q.settle(a, true);
    CHECK(queue.send() == b);
    CHECK(b->base_sequence == 11);
    CHECK(!queue.send());
    queue.q.settle(b, true);
    CHECK(queue.send() == c);
    CHECK(c->base_sequence == 21);
}

TEST_CASE("after a gap, what may have been appended is settled before anything new begins") {
    Queue queue;
    queue.establish();
    const BatchRef a = queue.add();
    const BatchRef b = queue.add();
    const BatchRef c = queue.add();
    CHECK(queue.send() == a);
    CHECK(queue.send() == b);
    queue.q.settle(a, false);
    CHECK(queue.q.broken());
    queue.q.retry(b, Fate::unknown);
    // Nobody knows about b yet: again under its old number, and c waits.
    CHECK(!queue.q.wants_restart());
    CHECK(queue.send() == b);
    CHECK(b->base_sequence == 11);
    CHECK(!queue.send());
    // That an attempt was refused says nothing about the one before.
    queue.q.retry(b, Fate::refused);
    CHECK(!queue.q.wants_restart());
    CHECK(queue.send() == b);
    // Now the broker says that it cannot be there.
    queue.q.retry(b, Fate::absent);
    CHECK(queue.q.wants_restart());
    CHECK(!queue.send());
    queue.identity.epoch = 1;
    queue.q.restart(queue.identity);
    CHECK(queue.send() == b);
    CHECK(b->base_sequence == 0);
    CHECK(b->identity.epoch == 1);
    CHECK(!queue.send());
    queue.q.settle(b, true);
    CHECK(queue.send() == c);
    CHECK(c->base_sequence == 10);
}

TEST_CASE("the halves of a batch stand in its place and share its numbers") {
    Queue queue;
    queue.establish();
    const BatchRef whole = queue.add(7);
    const BatchRef after = queue.add();
    CHECK(queue.send() == whole);
    const BatchRef first{new ProducerBatch(queue.q, 0, {})};
    const BatchRef second{new ProducerBatch(queue.q, 0, {})};
    first->count = 3;
    second->count = 4;
    queue.q.replace(whole, first, second);
    CHECK(queue.send() == first);
    CHECK(first->base_sequence == 1);
    CHECK(!queue.send());
    // Back in front of its other half.
    queue.q.retry(first, Fate::unknown);
    CHECK(queue.send() == first);
    queue.q.settle(first, true);
    CHECK(queue.send() == second);
    CHECK(second->base_sequence == 4);
    queue.q.settle(second, true);
    CHECK(queue.send() == after);
    CHECK(after->base_sequence == 8);
}

TEST_CASE("a batch that was never sent leaves no gap, one that was does") {
    Queue queue;
    queue.establish();
    const BatchRef a = queue.add();
    CHECK(queue.q.remove(*a));
    CHECK(!queue.q.broken());
    const BatchRef b = queue.add();
    CHECK(queue.send() == b);
    CHECK(!queue.q.remove(*b));
    queue.q.retry(b, Fate::unknown);
    CHECK(queue.q.remove(*b));
    CHECK(queue.q.broken());
}

TEST_CASE("sequence numbers begin again at 0 after 2^31-1") {
    Queue queue;
    queue.establish();
    const BatchRef big = queue.add(INT32_MAX);
    CHECK(queue.send() == big);
    const BatchRef next = queue.add();
    CHECK(queue.send() == next);
    CHECK(next->base_sequence == 0);
}
