// How far each group is behind, all partitions together: what a monitor would ask for.
//
//   lag localhost:9092
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;
using client::Admin;

runtime::Task<Result<void>> print_lag(Admin& admin, std::string group) {
    CO_TRY(const client::GroupOffsets committed, co_await admin.committed_offsets(group));
    std::map<TopicPartition, TimestampMs> wanted;
    for (const auto& [place, at] : committed)
        if (at.offset >= 0) wanted[place] = client::kLatest;
    CO_TRY(const auto ends, co_await admin.list_offsets(wanted));
    int64_t lag = 0;
    for (const auto& [place, end] : ends)
        if (end.error.code == ErrorCode::none) lag += end.offset - committed.at(place).offset;
    fmt::print("{} {}\n", group, lag);
    co_return {};
}

runtime::Task<Result<void>> print_all(Admin& admin) {
    CO_TRY(const auto groups, co_await admin.list_groups());
    for (const client::GroupListing& group : groups) CO_TRY_OK(co_await print_lag(admin, group.id));
    co_return {};
}

int main(int argc, char** argv) {
    if (argc != 2) return fmt::print(stderr, "usage: lag SERVER\n"), 2;
    const auto config = client::ClientConfig::for_admin({{"bootstrap.servers", argv[1]}});
    if (!config) return fmt::print(stderr, "{}\n", config.error().describe()), 1;
    client::BlockingAdmin admin{*config};
    const auto done = admin.call(print_all);
    if (!done) return fmt::print(stderr, "lag: {}\n", done.error().describe()), 1;
}
