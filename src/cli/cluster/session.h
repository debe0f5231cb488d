// A command's connection to a cluster: a client on a loop of its own, waited for by the command's
// one thread.
#pragma once

#include <memory>
#include <string>

#include "client/admin.h"
#include "runtime/machine.h"

namespace millrace::cli {

class Session {
public:
    struct Options {
        std::string bootstrap_servers;
        std::string bootstrap_controllers = {};  // instead, to talk to controllers
        std::string command_config;              // a file with client properties; "" = none
        std::string client_id = "adminclient-1";
    };
    // Nothing is connected yet. Errors: not_found (the file), invalid_config.
    static Result<std::unique_ptr<Session>> open(const Options& options);

    client::Admin& admin() { return admin_; }
    client::Cluster& cluster() { return cluster_; }
    TimestampMs wall_ms() const { return machine_.loop().wall_ms(); }

    template <typename T>
    T wait(runtime::Task<T> task) {
        return machine_.wait(std::move(task));
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
        : cluster_(machine_.context(), std::move(config)), admin_(cluster_) {}

    runtime::Machine machine_;
    client::Cluster cluster_;
    client::Admin admin_;
};

}  // namespace millrace::cli
