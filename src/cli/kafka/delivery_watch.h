// Tells of each record that a producer delivered, as soon as it is known and in their order: what
// the caller keeps beside a delivery comes back with its outcome.
// Owner: a tool's work. Loop: the producer's.
#pragma once

#include <deque>
#include <functional>

#include "client/producer.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {

template <typename Beside>
class DeliveryWatch {
public:
    using Told = std::function<void(const Beside&, const Result<client::RecordPlace>&)>;

    DeliveryWatch(runtime::Loop& loop, Told told) : told_(std::move(told)), tasks_(loop) {
        tasks_.spawn(watch());
    }

    // At most as many wait here as the producer has not delivered.
    void add(client::Delivery delivery, Beside beside) {
        waiting_.push_back({std::move(delivery), std::move(beside)});
        wake_.set();
    }
    // Until all have been told.
    runtime::Task<void> drain() {
        while (!waiting_.empty()) {
            drained_.reset();
            co_await drained_.wait();
        }
    }

private:
    struct Waiting {
        client::Delivery delivery;
        Beside beside;
    };

    runtime::Task<void> watch() {
        for (;;) {
            while (!waiting_.empty()) {
                const client::Delivery first = waiting_.front().delivery;
                told_(waiting_.front().beside, co_await first.wait());
                waiting_.pop_front();
            }
            drained_.set();
            wake_.reset();
            co_await wake_.wait();
        }
    }

    Told told_;
    std::deque<Waiting> waiting_;
    runtime::Event wake_;
    runtime::Event drained_;
    runtime::DroppingScope tasks_;  // last: its task uses what is above
};

}  // namespace millrace::cli::kafka
