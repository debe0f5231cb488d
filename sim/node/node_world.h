// What the simulations of whole nodes stand on: a machine named "server" that a node runs on, life
// after life, and one for its clients.
#pragma once

#include <string>
#include <vector>

#include "server/node.h"
#include "sim/node/wire_client.h"
#include "sim/sim_test.h"

namespace millrace::sim {

class NodeWorld {
public:
    // `settings`: over those of the server; Kafka's names.
    explicit NodeWorld(Simulation& simulation, std::vector<std::string> settings = {})
        : sim(simulation) {
        configure(std::move(settings));
        client.start([this](runtime::Context&) -> runtime::Task<void> { co_await ended.wait(); });
    }

    // For the lives to come. Idle logs are closed soon, so that a life has some of that.
    void configure(std::vector<std::string> settings) {
        std::vector<std::string> all{"listeners=PLAINTEXT://server:9092,CONTROLLER://server:9093",
                                     "log.dirs=/data",
                                     "millrace.log.idle.ms=100",
                                     "offsets.topic.replication.factor=1",
                                     "offsets.topic.num.partitions=1",
                                     "transaction.state.log.replication.factor=1",
                                     "transaction.state.log.min.isr=1"};
        for (std::string& setting : settings) all.push_back(std::move(setting));
        auto loaded = config::BrokerConfig::load("", "", all);
        REQUIRE_MESSAGE(loaded.has_value(), loaded.error().describe());
        config = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
    }

    // A new life. The one before was killed, cut off or stopped.
    void start_server() {
        node = nullptr;
        server.start(
            [this](runtime::Context& context) -> runtime::Task<void> { co_await serve(context); });
    }

    // From the clients' machine.
    runtime::Task<Result<std::unique_ptr<WireClient>>> connect() {
        constexpr uint16_t kPort = 9092;
        co_return co_await WireClient::connect(client.context(), "server", kPort);
    }

    Simulation& sim;
    SimFabric fabric{sim};
    std::shared_ptr<const config::BrokerConfig> config;
    server::Node* node = nullptr;  // while it runs
    runtime::Event ended;          // never: the clients' machine is up for as long as this lives
    SimNode server{sim, fabric, "server"};
    SimNode client{sim, fabric, "client"};

private:
    runtime::Task<void> serve(runtime::Context& context) {
        auto started =
            co_await server::Node::start(context, {.config = config, .open_files_max = 16});
        CHECK_MESSAGE(started.has_value(), (started.has_value() ? "" : started.error().describe()));
        if (!started.has_value()) co_return;
        node = started->get();
        const auto ran = co_await node->run();
        node = nullptr;
        CHECK(ran.has_value());
    }
};

}  // namespace millrace::sim
