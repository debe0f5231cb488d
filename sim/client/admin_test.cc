// Administration while the cluster changes.
#include "client/admin_client.h"
#include "sim/client/cluster/share_cluster.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

SIM_TEST("what only the active controller does reaches it after another one has taken over") {
    SimFabric fabric{sim};
    ShareCluster cluster(sim, fabric, 3, 1);
    SimNode machine{sim, fabric, "client"};
    Event ended;
    machine.start([&](Context&) -> Task<void> { co_await ended.wait(); });
    auto config = *client::ClientConfig::for_admin(
        {{"bootstrap.servers", "share-0:9092"}, {"default.api.timeout.ms", "20000"}});
    client::AdminClient client{machine.context(), config};
    const auto run = [&](Task<Result<void>> task) {
        auto out = sim.run(machine.loop(), std::move(task), 1min);
        return out ? *std::move(out) : Result<void>{fail(ErrorCode::deadline_exceeded)};
    };
    const auto both = [&] {
        // An error of the whole answer, and one of a part of it.
        const auto first = run(client.admin().unregister_broker(7));
        if (!first) return first;
        return run(client.admin().alter_quotas({{{"user", "a"}}}, {{"producer_byte_rate", 1.0}}));
    };
    CHECK(both().has_value());
    CHECK(cluster.asked_in_vain == 0);

    cluster.controller = cluster.active = 2;
    CHECK(both().has_value());
    CHECK(cluster.asked_in_vain >= 1);

    // The metadata is behind for a while.
    cluster.active = 1;
    const auto behind = [](ShareCluster& c) -> Task<void> {
        co_await Loop::current().sleep_for(3s);
        c.controller = 1;
    };
    {
        Scope scope{machine.loop()};
        scope.spawn(behind(cluster));
        CHECK(both().has_value());
        CHECK(cluster.asked_in_vain >= 3);
    }

    // Nobody is.
    cluster.active = -1;
    const auto began = sim.now();
    const auto refused = run(client.admin().unregister_broker(7));
    CHECK(refused.code() == ErrorCode::deadline_exceeded);
    CHECK(sim.now() - began <= 21s);
    CHECK(run(client.close()).has_value());
}
