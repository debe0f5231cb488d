// An Admin for programs without a loop: on a thread of its own, used from any thread.
//
//   TRY(auto config, ClientConfig::for_admin(settings));
//   BlockingAdmin admin{std::move(config)};
//   TRY(auto topics, admin.call(&Admin::list_topics));
//   TRY(auto made, admin.call([&](Admin& a) { return a.create_topics({{.name = "orders"}}); }));
//   TRY_OK(admin.close());
//
// Owner: the application; it dies after the last call into it has returned. Threads: any; calls of
// several threads go on side by side.
#pragma once

#include "client/admin_client.h"
#include "runtime/loop_thread.h"

namespace millrace::client {

class BlockingAdmin {
public:
    explicit BlockingAdmin(ClientConfig config) {
        thread_.call(
            [&] { client_ = std::make_unique<AdminClient>(thread_.context(), std::move(config)); });
    }
    ~BlockingAdmin() {
        thread_.call([this] { client_.reset(); });
    }
    BlockingAdmin(const BlockingAdmin&) = delete;

    // One operation of Admin, or whatever `fn` does with it on its loop, and its result.
    template <typename F>
    auto call(F fn) {
        return thread_.call([&]() -> std::invoke_result_t<F&, Admin&> {
            Admin& admin = client_->admin();
            if constexpr (std::is_member_pointer_v<F>)
                co_return co_await (admin.*fn)();
            else
                co_return co_await fn(admin);
        });
    }

    MetricList metrics() {
        return thread_.call([this] { return client_->metrics(); });
    }
    // The metrics a last time, where somebody is subscribed to them. Without it nothing is lost but
    // that. Nothing may be called afterwards.
    Result<void> close(Duration patience = std::chrono::seconds(30)) {
        return thread_.call([&] [[clang::coro_wrapper]] { return client_->close(patience); });
    }

private:
    runtime::LoopThread thread_;
    std::unique_ptr<AdminClient> client_;  // the loop's
};

}  // namespace millrace::client
