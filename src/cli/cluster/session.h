// A command's connection to a cluster: a client on a loop of its own, waited for by the command's
// one thread.
#pragma once

#include <memory>
#include <string>

#include "client/admin.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/workers.h"

namespace millrace::cli {

class Session {
public:
    struct Options {
        std::string bootstrap_servers;
        std::string command_config;  // a file with client properties; "" = none
        std::string client_id = "adminclient-1";
    };
    // Nothing is connected yet. Errors: not_found (the file), invalid_config.
    static Result<std::unique_ptr<Session>> open(const Options& options);

    client::Admin& admin() { return admin_; }
    client::Cluster& cluster() { return cluster_; }
    TimestampMs wall_ms() const { return loop_.wall_ms(); }

    template <typename T>
    T wait(runtime::Task<T> task) {
        return loop_.run_for_result(std::move(task));
    }
    // One request to whichever broker is at hand, to the controller, or to one of them.
    template <typename Request>
    auto ask(const Request& request) {
        return wait(cluster_.call_any(request, deadline()));
    }
    template <typename Request>
    auto ask_controller(const Request& request) {
        return wait(cluster_.call_controller(request, deadline()));
    }
    template <typename Request>
    auto ask_node(NodeId node, const Request& request) {
        return wait(cluster_.call(node, request, deadline()));
    }
    runtime::TimePoint deadline() const {
        return cluster_.after(cluster_.config().default_api_timeout);
    }

private:
    explicit Session(client::ClientConfig config)
        : cluster_({loop_, disk_, network_, workers_}, std::move(config)), admin_(cluster_) {}

    runtime::LinuxLoop loop_;
    runtime::BlockingPool pool_;
    runtime::LinuxDisk disk_{pool_};
    runtime::LinuxNetwork network_{loop_, pool_};
    runtime::LinuxWorkers workers_{pool_};
    client::Cluster cluster_;
    client::Admin admin_;
};

}  // namespace millrace::cli
