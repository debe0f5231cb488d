// kafka-consumer-perf-test: how fast records come.
#include "cli/kafka/java_format.h"
#include "cli/kafka/metric_table.h"
#include "cli/kafka/perf_reading.h"
#include "cli/local_disk.h"
#include "client/consumer.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kOptions = joined(
    std::to_array<Option>({
        {"include", Takes::value, "pattern", "Topics whose whole names fit a regular expression."},
        {"group", Takes::value, "group", "As a member of this group (default: one of its own)."},
        {"from-latest", Takes::nothing, "", "From the end on, where nothing is committed."},
        {"show-detailed-stats", Takes::nothing, "",
         "A line each so often instead of one at the end."},
    }),
    kReadingOptions);

struct Wanted : PerfReading {
    std::optional<std::string> topic;
    std::optional<std::string> include;
};

constexpr double kMib = 1024.0 * 1024.0;

double seconds(Duration d) {
    return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) /
           1000.0;
}

class ConsumerPerf {
public:
    ConsumerPerf(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                 client::ConsumerConfig config)
        : machine_(machine),
          console_(console),
          wanted_(wanted),
          consumer_(machine.context(), std::move(config)) {}

    runtime::Task<Result<void>> run() {
        const auto consumed = co_await consume();
        const std::string metrics =
            wanted_.metrics ? metric_table(consumer_.config().client.client_id, consumer_.metrics())
                            : "";
        (void)co_await consumer_.close();
        CO_TRY_OK(consumed);
        if (timed_out_)
            console_.line(
                fmt::format("WARNING: Exiting before consuming the expected number of records: "
                            "timeout ({} ms) exceeded. You can use the --timeout option to "
                            "increase the timeout.",
                            wanted_.patience / 1ms));
        if (!wanted_.detailed) report(began_, began_ms_, {}, joined_);
        console_.print(metrics);
        co_return {};
    }

private:
    struct Count {
        uint64_t bytes = 0;
        int64_t records = 0;
    };

    // How long it is without partitions.
    class Joining final : public client::RebalanceListener {
    public:
        explicit Joining(ConsumerPerf& work) : work_(work) {}
        runtime::Task<void> assigned(std::span<const TopicPartition>) override {
            const Duration took = work_.now() - work_.join_began_;
            work_.joined_ += took;
            work_.joined_lately_ += took;
            co_return;
        }
        runtime::Task<void> revoked(std::span<const TopicPartition>) override {
            work_.join_began_ = work_.now();
            co_return;
        }

    private:
        ConsumerPerf& work_;
    };

    runtime::TimePoint now() const { return machine_.loop().read_clock(); }

    runtime::Task<Result<void>> consume() {
        began_ = join_began_ = now();
        began_ms_ = machine_.loop().wall_ms();
        auto listener = std::make_shared<Joining>(*this);
        if (wanted_.include) {
            CO_TRY(auto pattern, client::TopicPattern::parse(*wanted_.include));
            CO_TRY_OK(consumer_.subscribe(std::move(pattern), std::move(listener)));
        } else {
            CO_TRY_OK(consumer_.subscribe({*wanted_.topic}, std::move(listener)));
        }
        runtime::TimePoint last = began_;
        runtime::TimePoint reported = began_;
        Count before;
        while (total_.records < wanted_.records) {
            CO_TRY(auto batches, co_await consumer_.poll(100ms));
            for (client::RecordBatch& batch : batches) CO_TRY_OK(count(batch));
            const runtime::TimePoint at = now();
            if (!batches.empty()) last = at;
            if (batches.empty() && at - last > wanted_.patience) {
                timed_out_ = true;
                break;
            }
            if (!wanted_.detailed || at - reported < wanted_.interval) continue;
            report(reported, 0, before, joined_lately_);
            reported = at;
            before = total_;
            joined_lately_ = {};
        }
        co_return {};
    }

    Result<void> count(client::RecordBatch& batch) {
        client::RecordView record;
        while (total_.records < wanted_.records) {
            TRY(const bool more, batch.next(record));
            if (!more) break;
            ++total_.records;
            if (record.key) total_.bytes += record.key->size();
            if (record.value) total_.bytes += record.value->size();
        }
        return {};
    }

    // What came since a time and a count: in detail when the time is not named.
    void report(runtime::TimePoint since, TimestampMs since_ms, Count before,
                Duration joining) const {
        const TimestampMs wall = machine_.loop().wall_ms();
        const Duration took = now() - since;
        const double s = seconds(took);
        const double mib = static_cast<double>(total_.bytes) / kMib;
        const double new_mib = static_cast<double>(total_.bytes - before.bytes) / kMib;
        const auto new_records = static_cast<double>(total_.records - before.records);
        const double fetching = seconds(took - joining);
        const std::string begin =
            since_ms != 0 ? fmt::format("{}, {}", format_time(since_ms, wanted_.date_format),
                                        format_time(wall, wanted_.date_format))
                          : fmt::format("{}, 0", format_time(wall, wanted_.date_format));
        console_.line(fmt::format("{}, {}, {}, {}, {}, {}, {}, {}, {}", begin, fixed(mib, 4),
                                  fixed(new_mib / s, 4), total_.records, fixed(new_records / s, 4),
                                  joining / 1ms, (took - joining) / 1ms,
                                  fixed(new_mib / fetching, 4), fixed(new_records / fetching, 4)));
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    client::Consumer consumer_;
    Count total_;
    runtime::TimePoint began_{};
    TimestampMs began_ms_ = 0;
    runtime::TimePoint join_began_{};
    Duration joined_{};
    Duration joined_lately_{};
    bool timed_out_ = false;
};

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    TRY(out.topic, arguments.value("topic"));
    TRY(out.include, arguments.value("include"));
    TRY(static_cast<PerfReading&>(out), PerfReading::read(arguments));
    return out;
}

Result<client::ConsumerConfig> read_config(const Arguments& arguments) {
    TRY(Properties properties,
        reading_properties(arguments, "max.partition.fetch.bytes", "perf-consumer-client"));
    TRY(const auto group, arguments.value("group"));
    LocalDisk local;
    constexpr uint64_t kGroups = 100'000;
    properties.set("group.id",
                   group.value_or(fmt::format("perf-consumer-{}", local.rng().below(kGroups))));
    properties.set("auto.offset.reset", arguments.has("from-latest") ? "latest" : "earliest");
    return client::ConsumerConfig::from(properties.settings());
}

Result<void> measure(const Console& console, const Arguments& arguments) {
    if (!arguments.has("hide-header"))
        console.line(fmt::format(
            "{}, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, "
            "fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec",
            arguments.has("show-detailed-stats") ? "time, threadId" : "start.time, end.time"));
    TRY(const Wanted wanted, read_wanted(arguments));
    TRY(client::ConsumerConfig config, read_config(arguments));
    runtime::Machine machine;
    ConsumerPerf work(machine, console, wanted, std::move(config));
    return machine.wait(work.run());
}

}  // namespace

int consumer_perf_test(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended =
            help_or_version(console, words, *arguments, "How fast records come.", kOptions))
        return *ended;
    constexpr std::string_view kTopics[] = {"topic", "include"};
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
