// `millrace cluster`, `features`, `quorum`, `log-dirs`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/quorum.h"
#include "cli/native.h"
#include "metadata/features.h"

namespace millrace::cli {
namespace {

struct Options : ClusterOptions {
    std::vector<NodeId> brokers;
    bool partitions = false;
};

Result<int> brokers(const Console& console, Session& session, const Options&) {
    TRY(const auto cluster, session.wait(session.admin().describe_cluster()));
    if (!console.json) console.line(fmt::format("cluster {}", cluster.id));
    Table table{{"broker", "host", "port", "rack", "controller"}};
    for (const auto& broker : cluster.brokers)
        table.add({broker.id, broker.address.host, broker.address.port,
                   broker.rack ? Value{*broker.rack} : Value{}, broker.id == cluster.controller});
    console.show(table);
    return kDone;
}

Value level_value(std::string_view feature, int16_t level) {
    if (feature == metadata::kMetadataVersion)
        if (const auto name = metadata::metadata_version_name(level)) return Value{*name};
    return Value{level};
}

Result<int> features(const Console& console, Session& session, const Options&) {
    TRY(const auto said, session.wait(session.admin().describe_features()));
    Table table{{"feature", "level", "lowest", "highest"}};
    for (const auto& [name, feature] : said.features)
        table.add({name, level_value(name, feature.level), level_value(name, feature.min),
                   level_value(name, feature.max)});
    console.show(table);
    return kDone;
}

Result<int> quorum(const Console& console, Session& session, const Options&) {
    TRY(const Quorum quorum, view_quorum(session));
    if (!console.json)
        console.line(fmt::format("leader {} in epoch {}, committed up to {}", quorum.leader,
                                 quorum.epoch, quorum.high_watermark));
    Table table{{"node", "status", "end", "lag", "directory", "endpoints"}};
    for (const auto* members : {&quorum.voters, &quorum.observers})
        for (const QuorumMember& m : *members)
            table.add({m.id, m.status, m.end, quorum.leader_end() - m.end, m.directory.to_string(),
                       Value::List(m.endpoints.begin(), m.endpoints.end())});
    console.show(table);
    return kDone;
}

Result<int> directories(const Console& console, Session& session, const Options& options) {
    TRY(const auto found, session.wait(session.admin().describe_log_dirs(options.brokers)));
    Table whole{
        {"broker", "directory", "partitions", "bytes", "volume_free", "volume_total", "state"}};
    Table each{{"broker", "directory", "topic", "partition", "bytes", "offset_lag", "future"}};
    for (const client::BrokerDirectories& broker : found)
        for (const client::DirectoryDescription& d : broker.directories) {
            int64_t bytes = 0;
            for (const client::ReplicaInDirectory& replica : d.replicas) {
                bytes += replica.size;
                each.add({broker.broker, d.path, replica.partition.topic,
                          replica.partition.partition, replica.size, replica.offset_lag,
                          replica.future});
            }
            whole.add({broker.broker, d.path, d.replicas.size(), bytes,
                       d.usable_bytes < 0 ? Value{} : Value{d.usable_bytes},
                       d.total_bytes < 0 ? Value{} : Value{d.total_bytes},
                       d.error.code == ErrorCode::none ? "ok" : sentence(d.error)});
        }
    console.show(options.partitions ? each : whole);
    return kDone;
}

}  // namespace

void add_cluster_commands(CLI::App& app, const Native& native) {
    const auto noun = [&](const char* name, const char* help) {
        CLI::App* added = app.add_subcommand(name, help);
        added->require_subcommand(1);
        return added;
    };
    auto o = std::make_shared<Options>();
    add_verb(*noun("cluster", "The cluster and its brokers"), native, "describe",
             "Its id and brokers", o, brokers);
    o = std::make_shared<Options>();
    add_verb(*noun("features", "Feature levels of the cluster"), native, "describe",
             "Levels in use and supported", o, features);
    o = std::make_shared<Options>();
    add_verb(*noun("quorum", "Who keeps the metadata"), native, "describe",
             "Leader, voters, observers, and how far each is", o, quorum);
    o = std::make_shared<Options>();
    CLI::App& dirs = add_verb(*noun("log-dirs", "The brokers' log directories"), native, "describe",
                              "How full they are", o, directories);
    dirs.add_option("--broker", o->brokers, "Only these brokers");
    dirs.add_flag("--partitions", o->partitions, "Every partition in them");
}

}  // namespace millrace::cli
