// kafka-share-consumer-perf-test: how fast records come to members of a share group.
#include "cli/kafka/java_format.h"
#include "cli/kafka/metric_table.h"
#include "cli/kafka/perf_reading.h"
#include "client/share_consumer.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kOptions =
    joined(std::to_array<Option>({
               {"group", Takes::value, "group", "The share group (default: perf-share-consumer)."},
               {"threads", Takes::value, "count",
                "So many members of the group, all in one thread (default: 1)."},
               {"show-detailed-stats", Takes::nothing, "", "A line of each member every so often."},
               {"show-consumer-stats", Takes::nothing, "", "A line of each member at the end."},
           }),
           kReadingOptions);

struct Wanted : PerfReading {
    std::string topic;
    int32_t members = 1;
    bool show_members = false;
};

class ShareConsumerPerf {
public:
    ShareConsumerPerf(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                      const client::ShareConsumerConfig& config)
        : machine_(machine), console_(console), wanted_(wanted) {
        for (int32_t i = 0; i != wanted.members; ++i) {
            client::ShareConsumerConfig own = config;
            if (wanted.members > 1) own.client.client_id += fmt::format("-{}", i + 1);
            members_.push_back(std::make_unique<Member>(machine.context(), std::move(own), i + 1));
        }
    }

    runtime::Task<Result<void>> run() {
        began_ = now();
        began_ms_ = machine_.loop().wall_ms();
        std::vector<runtime::Task<void>> tasks;
        tasks.reserve(members_.size());
        for (const auto& member : members_) tasks.push_back(consume(*member));
        co_await runtime::all(machine_.loop(), std::move(tasks));
        const Span whole{began_ms_, machine_.loop().wall_ms(), now() - began_};
        std::string metrics;
        for (const auto& member : members_) {
            if (wanted_.metrics)
                metrics += metric_table(member->consumer.config().client.client_id,
                                        member->consumer.metrics());
            (void)co_await member->consumer.commit();  // of the last poll
            (void)co_await member->consumer.close();
        }
        for (const auto& member : members_) CO_TRY_OK(member->result);
        report(whole);
        console_.print(metrics);
        co_return {};
    }

private:
    struct Count {
        uint64_t bytes = 0;
        int64_t records = 0;
    };
    struct Member {
        Member(runtime::Context context, client::ShareConsumerConfig config, int32_t which)
            : consumer(context, std::move(config)), number(which) {}
        client::ShareConsumer consumer;
        const int32_t number;  // from 1
        Count count;
        Result<void> result{};
    };
    struct Span {
        TimestampMs from = 0;
        TimestampMs to = 0;
        Duration took{};
    };

    runtime::TimePoint now() const { return machine_.loop().read_clock(); }
    // One that fails ends the others: it would be another measurement without it.
    bool done() const { return failed_ || total_ >= wanted_.records; }

    runtime::Task<void> consume(Member& member) {
        member.result = co_await poll_until_done(member);
        if (!member.result) failed_ = true;
    }

    runtime::Task<Result<void>> poll_until_done(Member& member) {
        CO_TRY_OK(member.consumer.subscribe({wanted_.topic}));
        runtime::TimePoint last = began_;
        runtime::TimePoint reported = began_;
        TimestampMs reported_ms = began_ms_;
        Count before;
        while (!done() && now() - last <= wanted_.patience) {
            CO_TRY(auto batches, co_await member.consumer.poll(100ms));
            for (client::ShareBatch& batch : batches)
                CO_TRY_OK(batch.for_each(
                    [&](const client::RecordView& record, int16_t) { count(member, record); }));
            if (batches.empty()) continue;
            last = now();
            if (!wanted_.detailed || last - reported < wanted_.interval) continue;
            const Span span{reported_ms, machine_.loop().wall_ms(), last - reported};
            console_.line(fmt::format("{} for share consumer {}",
                                      columns(span, member.count, before), member.number));
            reported = last;
            reported_ms = span.to;
            before = member.count;
        }
        co_return {};
    }

    void count(Member& member, const client::RecordView& record) {
        ++total_;
        ++member.count.records;
        if (record.key) member.count.bytes += record.key->size();
        if (record.value) member.count.bytes += record.value->size();
    }

    void report(const Span& whole) const {
        Count all;
        for (const auto& member : members_) {
            all.bytes += member->count.bytes;
            all.records += member->count.records;
            if (wanted_.show_members)
                console_.line(fmt::format(
                    "Share consumer {} having client id {} consumption metrics- {}", member->number,
                    member->consumer.config().client.client_id, columns(whole, member->count, {})));
        }
        if (all.records < wanted_.records)
            console_.line(
                fmt::format("WARNING: Exiting before consuming the expected number of records: "
                            "timeout ({} ms) exceeded. You can use the --timeout option to "
                            "increase the timeout.",
                            wanted_.patience / 1ms));
        console_.line(columns(whole, all, {}));
    }

    // Sums since the beginning, and what came since a count, a second.
    std::string columns(const Span& span, Count sum, Count before) const {
        constexpr double kMib = 1024.0 * 1024.0;
        const int64_t took_ms = span.took / 1ms;
        const double seconds = static_cast<double>(took_ms) / 1000.0;
        return fmt::format("{}, {}, {}, {}, {}, {}, {}",
                           format_time(span.from, wanted_.date_format),
                           format_time(span.to, wanted_.date_format),
                           fixed(static_cast<double>(sum.bytes) / kMib, 4),
                           fixed(static_cast<double>(sum.bytes - before.bytes) / kMib / seconds, 4),
                           fixed(static_cast<double>(sum.records - before.records) / seconds, 4),
                           sum.records, took_ms);
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    std::vector<std::unique_ptr<Member>> members_;
    int64_t total_ = 0;
    bool failed_ = false;
    runtime::TimePoint began_{};
    TimestampMs began_ms_ = 0;
};

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    TRY(const auto topic, arguments.value("topic"));
    out.topic = *topic;
    TRY(const auto members, arguments.number("threads"));
    out.members = members.value_or(1);
    constexpr int32_t kMembersMax = 1000;
    if (out.members < 1 || out.members > kMembersMax)
        return fail(ErrorCode::invalid_request,
                    fmt::format("--threads must be from 1 to {}.", kMembersMax));
    out.show_members = arguments.has("show-consumer-stats");
    TRY(static_cast<PerfReading&>(out), PerfReading::read(arguments));
    return out;
}

Result<void> measure(const Console& console, const Arguments& arguments) {
    if (!arguments.has("hide-header"))
        console.line(
            "start.time, end.time, data.consumed.in.MB, MB.sec, nMsg.sec, data.consumed.in.nMsg, "
            "fetch.time.ms");
    TRY(const Wanted wanted, read_wanted(arguments));
    TRY(Properties properties,
        reading_properties(arguments, "fetch.max.bytes", "perf-share-consumer-client"));
    TRY(const auto group, arguments.value("group"));
    properties.set("group.id", group.value_or("perf-share-consumer"));
    TRY(const auto config, client::ShareConsumerConfig::from(properties.settings()));
    runtime::Machine machine;
    ShareConsumerPerf work(machine, console, wanted, config);
    return machine.wait(work.run());
}

}  // namespace

int share_consumer_perf_test(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "How fast records come to members of a share group.", kOptions))
        return *ended;
    constexpr std::string_view kTopics[] = {"topic"};
    if (const auto why = reading_misuse(*arguments, kTopics))
        return misused(console, *why, kOptions);
    warn_of_old_names(console, *arguments);
    const auto done = measure(console, *arguments);
    if (done) return kDone;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
