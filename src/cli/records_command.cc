// `millrace records`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/groups.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct RecordsOptions : ClusterOptions {
    std::vector<std::string> topics;
    std::vector<PartitionIndex> partitions;
    std::string at;
    Offset before = -1;
};

Result<std::vector<TopicPartition>> partitions_of(Session& session, const RecordsOptions& options) {
    TRY(const auto topics, session.wait(session.admin().describe_topics(options.topics)));
    std::vector<TopicPartition> out;
    for (const client::TopicDescription& topic : topics) {
        if (topic.error.code != ErrorCode::none)
            return fail(topic.error.code, fmt::format("there is no topic {}", topic.name));
        for (const auto& p : topic.partitions)
            if (options.partitions.empty() ||
                std::ranges::find(options.partitions, p.index) != options.partitions.end())
                out.push_back({topic.name, p.index});
    }
    return out;
}

using Offsets = std::map<TopicPartition, client::FoundOffset>;
Result<Offsets> offsets_at(Session& session, const std::vector<TopicPartition>& partitions,
                           TimestampMs time) {
    std::map<TopicPartition, TimestampMs> wanted;
    for (const TopicPartition& tp : partitions) wanted[tp] = time;
    return session.wait(session.admin().list_offsets(std::move(wanted)));
}

Value shown(const Offsets& offsets, const TopicPartition& tp) {
    const auto& found = offsets.at(tp);
    return found.error.code == ErrorCode::none && found.offset >= 0 ? Value{found.offset} : Value{};
}

Result<int> offsets(const Console& console, Session& session, const RecordsOptions& options) {
    TRY(const auto partitions, partitions_of(session, options));
    if (!options.at.empty()) {
        TRY(const TimestampMs time, parse_date_time(options.at));
        TRY(const Offsets found, offsets_at(session, partitions, time));
        Table table{{"topic", "partition", "offset", "timestamp_ms"}};
        for (const TopicPartition& tp : partitions)
            table.add({tp.topic, tp.partition, shown(found, tp),
                       found.at(tp).offset < 0 ? Value{} : Value{found.at(tp).timestamp}});
        console.show(table);
        return kDone;
    }
    TRY(const Offsets starts, offsets_at(session, partitions, client::kEarliest));
    TRY(const Offsets ends, offsets_at(session, partitions, client::kLatest));
    Table table{{"topic", "partition", "start", "end", "offsets"}};
    for (const TopicPartition& tp : partitions)
        table.add({tp.topic, tp.partition, shown(starts, tp), shown(ends, tp),
                   ends.at(tp).offset - starts.at(tp).offset});
    console.show(table);
    return kDone;
}

Result<int> remove(const Console& console, Session& session, const RecordsOptions& options) {
    TRY(const auto partitions, partitions_of(session, options));
    TRY(const Offsets starts, offsets_at(session, partitions, client::kEarliest));
    TRY(const Offsets ends, offsets_at(session, partitions, client::kLatest));
    std::map<TopicPartition, Offset> before;
    for (const TopicPartition& tp : partitions)
        before[tp] = options.before < 0 ? ends.at(tp).offset : options.before;
    std::map<TopicPartition, client::DeletedRecords> deleted;
    if (!options.dry_run) {
        TRY(deleted, session.wait(session.admin().delete_records(before)));
    }
    Table table{{"topic", "partition", "start_before", "start", "result"}};
    std::vector<client::Outcome> outcomes;
    for (const auto& [tp, offset] : before) {
        const std::string name = fmt::format("{}-{}", tp.topic, tp.partition);
        if (options.dry_run && offset > ends.at(tp).offset)
            outcomes.push_back({name, fail(ErrorCode::offset_out_of_range,
                                           fmt::format("it ends at {}", ends.at(tp).offset))});
        else if (!options.dry_run && deleted[tp].error.code != ErrorCode::none)
            outcomes.push_back({name, deleted[tp].error});
        else
            table.add({tp.topic, tp.partition, starts.at(tp).offset,
                       options.dry_run ? std::max(offset, starts.at(tp).offset)
                                       : deleted[tp].low_watermark,
                       options.dry_run ? "would be deleted" : "deleted"});
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

}  // namespace

void add_records_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("records", "Offsets of partitions; delete old records");
    noun.require_subcommand(1);
    const auto about = [](CLI::App& verb, RecordsOptions& o) {
        verb.add_option("TOPIC", o.topics, "Topics")->required();
        verb.add_option("--partition", o.partitions, "Only these partitions");
    };
    auto o = std::make_shared<RecordsOptions>();
    CLI::App& shown_verb =
        add_verb(noun, native, "offsets", "Where partitions begin and end", o, offsets);
    about(shown_verb, *o);
    shown_verb.add_option("--at", o->at, "The offsets of a time (UTC): 2026-01-31T12:00");
    o = std::make_shared<RecordsOptions>();
    CLI::App& deleted = add_verb(noun, native, "delete", "Drop records below an offset", o, remove);
    about(deleted, *o);
    deleted.add_option("--before", o->before, "The first offset to keep; -1: the end of each")
        ->required();
    add_dry_run(deleted, *o);
}

}  // namespace millrace::cli
