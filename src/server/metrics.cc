#include "server/metrics.h"

#include <fmt/format.h>

#include "base/metrics_text.h"
#include "protocol/api_table.h"
#include "storage/journal.h"

namespace millrace::server {
namespace {

using metrics::Labels;
using metrics::Snapshot;

double real(std::integral auto n) {
    return static_cast<double>(n);
}

void add_requests(Snapshot& out, const broker::RequestMetrics& requests) {
    for (size_t key = 0; key < requests.apis.size(); ++key) {
        const broker::ApiMetrics& api = requests.apis[key];
        const protocol::ApiInfo* info = protocol::find_api(static_cast<int16_t>(key));
        if (api.requests == 0 || info == nullptr) continue;
        const Labels labels = {{"request", std::string(info->name)}};
        out.counter("kafka_network_requestmetrics_requests_total", "Requests, by API.", labels,
                    real(api.requests));
        out.counter("kafka_network_requestmetrics_requestbytes_total", "Bytes of requests, by API.",
                    labels, real(api.bytes_in));
        out.counter("kafka_network_requestmetrics_responsebytes_total",
                    "Bytes of responses, by API.", labels, real(api.bytes_out));
        out.histogram("kafka_network_requestmetrics_totaltime_seconds",
                      "Time from a request's arrival to its response, waiting included, by API.",
                      labels, api.time);
    }
    out.counter("millrace_refused_frames_total",
                "Requests that were malformed or of an unknown API or version.", {},
                real(requests.refused_frames));
    out.counter("kafka_server_brokertopicmetrics_bytesin_total",
                "Bytes of record batches appended.", {}, real(requests.produced_bytes));
    out.counter("kafka_server_brokertopicmetrics_bytesout_total",
                "Bytes of record batches fetched.", {}, real(requests.fetched_bytes));
    out.counter("millrace_produced_partitions_total",
                "Appends by producers: one a partition of a request.", {},
                real(requests.produced_batches));
}

void add_cluster(Snapshot& out, const metadata::Image& image, NodeId node) {
    size_t topics = 0, partitions = 0, led = 0, under_replicated = 0;
    image.topics_by_id.for_each([&](const metadata::TopicPtr& topic) {
        ++topics;
        for (const metadata::Partition& partition : topic->partitions) {
            ++partitions;
            if (partition.leader != node) continue;
            ++led;
            if (partition.isr.size() < partition.replicas.size()) ++under_replicated;
        }
    });
    out.gauge("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.", {},
              real(topics));
    out.gauge("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.",
              {}, real(partitions));
    out.gauge("kafka_server_replicamanager_leadercount", "Partitions that this node leads.", {},
              real(led));
    out.gauge("kafka_server_replicamanager_underreplicatedpartitions",
              "Of those, with replicas that are behind.", {}, real(under_replicated));
    out.gauge("millrace_metadata_offset", "The last offset of the metadata log that is applied.",
              {}, real(image.position.offset));
}

void add_directories(Snapshot& out, const storage::LogManager& logs) {
    size_t failed = 0;
    for (const storage::LogDirectory& directory : logs.directories()) {
        const Labels labels = {{"directory", directory.path}};
        failed += directory.failed();
        out.gauge("millrace_log_directory_offline", "1 when the directory has failed.", labels,
                  real(directory.failed() ? 1 : 0));
        if (!directory.room || directory.failed()) continue;
        out.gauge("millrace_log_directory_total_bytes", "Size of the directory's file system.",
                  labels, real(directory.room->total()));
        out.gauge("millrace_log_directory_usable_bytes", "What clients can still write there.",
                  labels, real(directory.room->usable()));
        out.gauge("millrace_log_directory_reserve_bytes",
                  "What is kept for the node's own work when clients can write no more.", labels,
                  real(directory.room->reserve()));
        out.gauge("millrace_log_directory_full", "1 while clients' records are refused.", labels,
                  real(directory.room->full() ? 1 : 0));
        out.counter("millrace_log_directory_refused_appends_total",
                    "Appends of clients that were refused because the directory was full.", labels,
                    real(directory.room->refusals()));
    }
    out.gauge("kafka_log_logmanager_offlinelogdirectorycount", "Log directories that have failed.",
              {}, real(failed));
}

void add_journal(Snapshot& out, const storage::Journal& journal, const Labels& labels) {
    out.counter("millrace_journal_groups_total", "Groups of appends written to the journal.",
                labels, real(journal.groups_written()));
    out.counter("millrace_journal_entries_total", "Appends that went to the journal.", labels,
                real(journal.entries_added()));
    out.counter("millrace_journal_syncs_total", "Syncs of the journal.", labels,
                real(journal.syncs_done()));
    out.gauge("millrace_journal_undrained_bytes",
              "Bytes of the journal that wait in memory for their segments.", labels,
              real(journal.undrained_bytes()));
    out.gauge("millrace_journal_undrained_partitions", "Partitions that they belong to.", labels,
              real(journal.logs_undrained()));
    out.gauge("millrace_journal_files_in_use", "Files of the journal that a start would replay.",
              labels, real(journal.files_in_use()));
    out.gauge("millrace_journal_failed",
              "1 when the journal could not be written or synced: its directory is out of use.",
              labels, real(journal.failed() ? 1 : 0));
}

void add_journals(Snapshot& out, const storage::LogManager& logs) {
    const auto& directories = logs.directories();
    for (size_t i = 0; i < directories.size(); ++i) {
        const storage::LogDirectory& directory = directories[i];
        const Labels labels = {{"directory", directory.path}};
        if (const storage::Journal* journal = logs.journal(i)) add_journal(out, *journal, labels);
        out.gauge("millrace_journal_replayed_groups", "Groups that the start found in the journal.",
                  labels, real(directory.replayed_groups));
        out.gauge("millrace_journal_replayed_bytes",
                  "Of those, the bytes that were not in their segments.", labels,
                  real(directory.replayed_bytes));
        out.gauge("millrace_journal_replay_problems",
                  "Damaged places that the start found in the journal, or because of it; the log "
                  "names them.",
                  labels, real(directory.replay_problems.size()));
    }
    out.counter("millrace_log_damages_total",
                "Damaged places of segments that recovery cut off; the log names them.", {},
                real(logs.damages()));
}

// Gives up to `left` partitions and returns how many were left out.
size_t add_partitions(Snapshot& out, broker::Partitions& partitions) {
    size_t open = 0;
    partitions.each_open([&](broker::Partition& partition) {
        if (++open > kPartitionSeriesMax) return;
        const Labels labels = {{"partition", std::to_string(partition.name().partition)},
                               {"topic", partition.name().topic}};
        const storage::Log& log = partition.log();
        out.gauge("kafka_log_log_logstartoffset", "A partition's first offset.", labels,
                  real(log.start_offset()));
        out.gauge("kafka_log_log_logendoffset", "The offset after a partition's last record.",
                  labels, real(log.end_offset()));
        out.gauge("kafka_log_log_size", "Bytes of a partition's segments.", labels,
                  real(log.size_bytes()));
        if (const uint64_t bytes = log.key_index_bytes(); bytes > 0)
            out.gauge("millrace_key_index_bytes", "Memory of a partition's index of keys.", labels,
                      real(bytes));
    });
    out.gauge(
        "millrace_open_partitions",
        "Partitions that are open: used in the last minutes; only they have series of their own.",
        {}, real(open));
    return open - std::min(open, kPartitionSeriesMax);
}

struct Committed {
    std::string group, topic;
    PartitionIndex partition;
    Offset offset;
};

// The offset that a group without lag has committed; nothing when the partition is not there.
runtime::Task<std::optional<Offset>> end_of(broker::Broker& broker, const Committed& committed) {
    const metadata::TopicPtr topic = broker.image()->topic(committed.topic);
    if (topic == nullptr) co_return std::nullopt;
    if (const auto* open = broker.partitions().find(topic->id, committed.partition)) {
        co_return (*open)->log().high_watermark();
    }
    const auto opened = co_await broker.partitions().get(topic, committed.partition);
    if (!opened) co_return std::nullopt;
    co_return (*opened)->log().high_watermark();
}

// Returns how many were left out.
runtime::Task<size_t> add_lags(Snapshot& out, broker::Broker& broker) {
    std::vector<Committed> all;
    size_t count = 0;
    broker.groups().each_committed_offset([&](const group::CommittedOffset& o) {
        if (++count > kPartitionSeriesMax) return;
        all.push_back({std::string(o.group_id), std::string(o.topic), o.partition, o.offset});
    });
    for (const Committed& committed : all) {
        const Labels labels = {{"group", committed.group},
                               {"partition", std::to_string(committed.partition)},
                               {"topic", committed.topic}};
        out.gauge("millrace_group_committed_offset", "The offset that a group has committed.",
                  labels, real(committed.offset));
        const auto end = co_await end_of(broker, committed);
        if (!end) continue;
        out.gauge("millrace_group_lag",
                  "Records between a group's committed offset and the high watermark.", labels,
                  real(std::max<Offset>(0, *end - committed.offset)));
    }
    co_return count - all.size();
}

void add_cleaner(Snapshot& out, const MetricsSources& sources, TimestampMs now) {
    const auto& stats = sources.cleaner.stats();
    const auto& directories = sources.logs.directories();
    double dirtiest = 0, recopied = 0, seconds = 0, fill = 0, overdue = 0;
    TimestampMs last_look = 0;
    for (size_t i = 0; i < stats.size(); ++i) {
        const storage::CleanerStats& s = stats[i];
        const Labels labels = {{"logDirectory", directories[i].path}};
        out.gauge("kafka_log_logcleanermanager_uncleanable_partitions_count",
                  "Compacted partitions whose last cleaning failed; they are tried again.", labels,
                  real(s.uncleanable_partitions));
        out.gauge("kafka_log_logcleanermanager_uncleanable_bytes",
                  "Bytes that could be cleaned in those.", labels, real(s.uncleanable_bytes));
        out.counter("millrace_log_cleanings_total", "Cleanings of compacted partitions.", labels,
                    real(s.cleanings));
        out.counter("millrace_log_cleaning_failures_total", "Cleanings that failed.", labels,
                    real(s.failures));
        out.counter("millrace_log_cleaner_read_bytes_total", "Bytes that cleanings read.", labels,
                    real(s.bytes_read));
        out.counter("millrace_log_cleaner_written_bytes_total", "Bytes that cleanings wrote.",
                    labels, real(s.bytes_written));
        out.counter("millrace_log_cleaner_keyless_records_total",
                    "Records without key that cleanings dropped.", labels,
                    real(s.records_without_key));
        dirtiest = std::max(dirtiest, s.dirty_ratio_max);
        recopied = std::max(recopied, s.recopy_ratio);
        seconds = std::max(seconds, s.clean_seconds);
        fill = std::max(fill, s.map_fill);
        overdue = std::max(overdue, real(s.overdue_ms_max) / 1000);
        last_look = std::max(last_look, s.last_look);
    }
    out.gauge("kafka_log_logcleanermanager_max_dirty_percent",
              "The dirty part of the dirtiest compacted partition, of 100.", {}, dirtiest * 100);
    out.gauge("kafka_log_logcleanermanager_time_since_last_run_ms",
              "Since the cleaner last looked for dirty partitions.", {},
              last_look == 0 ? 0 : real(now - last_look));
    out.gauge("kafka_log_logcleaner_cleaner_recopy_percent",
              "Bytes written of 100 bytes read, in the last cleaning.", {}, recopied * 100);
    out.gauge("kafka_log_logcleaner_max_clean_time_secs", "Duration of the last cleaning.", {},
              seconds);
    out.gauge("kafka_log_logcleaner_max_buffer_utilization_percent",
              "How much of its memory for keys the last cleaning filled, of 100.", {}, fill * 100);
    out.gauge("kafka_log_logcleaner_max_compaction_delay_secs",
              "How long ago max.compaction.lag.ms passed for the oldest uncleaned record.", {},
              overdue);
}

}  // namespace

runtime::Task<Snapshot> collect_metrics(MetricsSources sources) {
    Snapshot out;
    add_requests(out, sources.broker.metrics());
    out.gauge("kafka_server_socketservermetrics_connection_count", "Open connections of clients.",
              {}, real(sources.server.connection_count()));
    const net::RequestBudget& budget = sources.server.request_budget();
    out.gauge("kafka_network_socketserver_memorypoolused",
              "Bytes that large requests in flight hold.", {}, real(budget.bytes_held()));
    out.counter("millrace_request_memory_waits_total",
                "Large requests that waited for memory to be read into.", {}, real(budget.waits()));
    add_cluster(out, *sources.broker.image(), sources.broker.node_id());
    add_cleaner(out, sources, sources.broker.loop().wall_ms());
    add_directories(out, sources.logs);
    add_journals(out, sources.logs);
    size_t left_out = add_partitions(out, sources.broker.partitions());
    left_out += co_await add_lags(out, sources.broker);
    out.gauge("millrace_metrics_left_out",
              "Partitions and committed offsets without series: there are too many.", {},
              real(left_out));
    co_return out;
}

void add_pages(net::HttpServer& http, MetricsSources sources) {
    http.route("/metrics", [sources](net::HttpHead) -> runtime::Task<net::HttpPage> {
        const Snapshot now = co_await collect_metrics(sources);
        co_return net::HttpPage{.content_type = std::string(metrics::kPrometheusContentType),
                                .body = metrics::to_prometheus(now)};
    });
    http.route("/health", [](net::HttpHead) -> runtime::Task<net::HttpPage> {
        co_return net::HttpPage{.body = "ok\n"};
    });
}

}  // namespace millrace::server
