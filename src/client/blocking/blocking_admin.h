// An Admin for programs without a loop: on a thread of its own, used from any thread.
//
//   BlockingAdmin admin{config};
//   TRY(auto topics, admin.call(&Admin::list_topics));
//   TRY(auto made, admin.call([&](Admin& a) { return a.create_topics({{.name = "orders"}}); }));
//
// Owner: the application. Threads: any; calls of several threads go on side by side.
#pragma once

#include "client/admin.h"
#include "runtime/loop_thread.h"

namespace millrace::client {

class BlockingAdmin {
public:
    explicit BlockingAdmin(ClientConfig config) {
        thread_.call(
            [&] { cluster_ = std::make_unique<Cluster>(thread_.context(), std::move(config)); });
    }
    ~BlockingAdmin() {
        thread_.call([this] { cluster_.reset(); });
    }
    BlockingAdmin(const BlockingAdmin&) = delete;

    // One operation of Admin, or whatever `fn` does with it on its loop, and its result.
    template <typename F>
    auto call(F fn) {
        return thread_.call([&]() -> std::invoke_result_t<F&, Admin&> {
            Admin admin{*cluster_};
            if constexpr (std::is_member_pointer_v<F>)
                co_return co_await (admin.*fn)();
            else
                co_return co_await fn(admin);
        });
    }

private:
    runtime::LoopThread thread_;
    std::unique_ptr<Cluster> cluster_;  // the loop's
};

}  // namespace millrace::client
