// Creates a compacted topic, or shows what there is of that name.
//
//   create_topic localhost:9092 accounts 3
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;
using client::Admin;

runtime::Task<Result<void>> create(Admin& admin, std::string name, int partitions) {
    CO_TRY(const auto outcomes,
           co_await admin.create_topics({{.name = name,
                                          .partitions = partitions,
                                          .configs = {{"cleanup.policy", "compact"}}}}));
    // The call's own error would mean that nobody knows; this one is the cluster's answer.
    const Error& error = outcomes.front().error;
    if (error.code != ErrorCode::none && error.code != ErrorCode::topic_already_exists)
        co_return error;
    CO_TRY(const auto topics, co_await admin.describe_topics({name}));
    for (const auto& partition : topics.front().partitions)
        fmt::print("{}-{}: leader {}, {} replicas\n", name, partition.index, partition.leader,
                   partition.replicas.size());
    co_return {};
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: create_topic SERVER NAME PARTITIONS\n"), 2;
    const auto config = client::ClientConfig::for_admin({{"bootstrap.servers", argv[1]}});
    if (!config) return fmt::print(stderr, "{}\n", config.error().describe()), 1;
    client::BlockingAdmin admin{*config};
    const auto done = admin.call(
        [&] [[clang::coro_wrapper]] (Admin & a) { return create(a, argv[2], std::atoi(argv[3])); });
    if (!done) return fmt::print(stderr, "create_topic: {}\n", done.error().describe()), 1;
}
