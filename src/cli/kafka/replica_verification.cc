// kafka-replica-verification: whether the replicas of partitions hold the same batches, for as long
// as it runs.
#include <csignal>

#include "base/java_order.h"
#include "cli/cluster/choose.h"
#include "cli/kafka/java_format.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/replica_check.h"
#include "cli/kafka/tool_session.h"
#include "client/admin.h"
#include "protocol/messages/fetch.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {
namespace {

using ms = std::chrono::milliseconds;

constexpr auto kOptions = std::to_array<Option>({
    {"broker-list", Takes::value, "host:port,...", "Brokers of the cluster; required."},
    {"topics-include", Takes::value, "pattern", "Of which topics (default: .*, all)."},
    {"time", Takes::value, "time", "From when on: milliseconds, -1: now (default), -2: the start."},
    {"fetch-size", Takes::value, "bytes", "Of a partition in one answer (default: 1048576)."},
    {"max-wait-ms", Takes::value, "ms", "How long brokers wait for new records (default: 1000)."},
    {"report-interval-ms", Takes::value, "ms", "Between two lines (default: 30000)."},
    kHelp,
    kVersion,
});

struct Wanted {
    NameFilter topics;
    TimestampMs time = client::kLatest;
    int32_t fetch_bytes = 1024 * 1024;
    ms wait{1000};
    ms interval{30'000};
};

class Verification {
public:
    Verification(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                 client::ClientConfig config)
        : machine_(machine),
          console_(console),
          wanted_(wanted),
          cluster_(machine.context(), std::move(config)),
          admin_(cluster_),
          tasks_(machine.loop()) {}

    // Until a signal, whose status it gives; sooner only when something is wrong.
    runtime::Task<Result<int>> run() {
        runtime::SignalWatch signals(machine_.loop(), {SIGINT, SIGTERM});
        tasks_.spawn(stop_on_signal(signals));
        tasks_.spawn(verify());
        co_await ended_.wait();
        co_return outcome_;
    }

private:
    // A partition, and how far its replicas are known to agree.
    struct Place {
        TopicPartition tp;
        Uuid topic_id;
        std::vector<NodeId> replicas;
        Offset next = 0;
        int64_t lag = -1;  // how far the one that has most is ahead of that
    };
    using FetchReply = client::Reply<protocol::FetchResponse>;
    using Pieces = std::map<TopicPartition, std::vector<ReplicaPiece>>;

    void end(Result<int> outcome) {
        outcome_ = std::move(outcome);
        ended_.set();
    }
    runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals) {
        end(128 + co_await signals.next());
    }
    runtime::Task<void> verify() { end(co_await verify_on()); }

    void tell(std::string_view what) const {
        console_.line(fmt::format(
            "{}: {}", format_time(machine_.loop().wall_ms(), "yyyy-MM-dd HH:mm:ss,SSS"), what));
        std::fflush(console_.out);
    }

    runtime::Task<Result<int>> verify_on() {
        CO_TRY_OK(co_await find_places());
        if (places_.empty()) {
            console_.error_line(
                "No topics found. [topics-include] if specified, is either filtering out all "
                "topics or there is no topic.");
            co_return kFailed;
        }
        CO_TRY_OK(co_await find_offsets());
        tell("verification process is started");
        runtime::Loop& loop = machine_.loop();
        runtime::TimePoint reported = loop.read_clock();
        for (;;) {
            const runtime::TimePoint began = loop.read_clock();
            const auto replies = co_await fetch_all();
            if (refusal_) co_return *refusal_;
            bool moved = false;
            CO_TRY_OK(compare(replies, moved));
            if (parted_) co_return kFailed;
            if (loop.read_clock() - reported > wanted_.interval) {
                report();
                reported = loop.read_clock();
            }
            // Brokers that are gone, or fail at once, are not asked all the time.
            if (!moved) co_await loop.sleep_until(began + wanted_.wait);
        }
    }

    // In the order in which Kafka's tool goes through them.
    runtime::Task<Result<void>> find_places() {
        CO_TRY(const auto listed, co_await admin_.list_topics());
        std::vector<std::string> names;
        for (const client::TopicListing& topic : listed)
            if (wanted_.topics.fits(topic.name)) names.push_back(topic.name);
        if (names.empty()) co_return {};
        CO_TRY(const auto topics, co_await admin_.describe_topics(std::move(names)));
        for (const client::TopicDescription& topic : topics) {
            if (topic.error.code != ErrorCode::none) co_return topic.error;
            for (const client::PartitionDescription& p : topic.partitions)
                places_.push_back({{topic.name, p.index}, topic.id, p.replicas});
        }
        java_order(places_, [](const Place& place) { return place.tp; });
        co_return {};
    }

    runtime::Task<Result<void>> find_offsets() {
        std::map<TopicPartition, TimestampMs> times;
        for (const Place& place : places_) times[place.tp] = wanted_.time;
        CO_TRY(const auto found, co_await admin_.list_offsets(std::move(times)));
        for (Place& place : places_) {
            const client::FoundOffset& at = found.at(place.tp);
            if (at.error.code != ErrorCode::none) co_return at.error;
            if (at.offset < 0)
                co_return fail(ErrorCode::invalid_request,
                               fmt::format("{}-{} has no records of that time or later.",
                                           place.tp.topic, place.tp.partition));
            place.next = at.offset;
        }
        co_return {};
    }

    // From each broker all of which it has a replica. Those that cannot be asked are left out.
    runtime::Task<std::map<NodeId, FetchReply>> fetch_all() {
        std::set<NodeId> brokers;
        for (const Place& place : places_)
            brokers.insert(place.replicas.begin(), place.replicas.end());
        std::map<NodeId, FetchReply> replies;
        waiting_ = brokers.size();
        fetched_.reset();
        for (const NodeId broker : brokers) tasks_.spawn(fetch(broker, replies));
        co_await fetched_.wait();
        // An answer that is full leaves out the last ones: others are last the next time.
        first_ = (first_ + 1) % places_.size();
        co_return std::move(replies);
    }

    runtime::Task<void> fetch(NodeId broker, std::map<NodeId, FetchReply>& replies) {
        const auto deadline = cluster_.after(cluster_.config().request_timeout + wanted_.wait);
        auto reply = co_await cluster_.call(broker, request_to(broker), deadline);
        if (reply)
            replies.emplace(broker, *std::move(reply));
        else if (!client::Cluster::network_error(reply.code()))
            refusal_ = reply.error();
        if (--waiting_ == 0) fetched_.set();
    }

    protocol::FetchRequest request_to(NodeId broker) const {
        // A reader that is no broker, and may read from each replica.
        constexpr NodeId kDebugging = -2;
        constexpr int32_t kAnswerBytesMax = 50 << 20;
        protocol::FetchRequest request;
        request.replica_state.replica_id = kDebugging;
        request.max_wait_ms = static_cast<int32_t>(wanted_.wait.count());
        request.min_bytes = 1;
        request.max_bytes = kAnswerBytesMax;
        for (size_t i = 0; i != places_.size(); ++i) {
            const Place& place = places_[(first_ + i) % places_.size()];
            if (std::ranges::find(place.replicas, broker) == place.replicas.end()) continue;
            if (request.topics.empty() || request.topics.back().topic_id != place.topic_id) {
                request.topics.emplace_back();
                request.topics.back().topic = place.tp.topic;
                request.topics.back().topic_id = place.topic_id;
            }
            auto& partition = request.topics.back().partitions.emplace_back();
            partition.partition = place.tp.partition;
            partition.fetch_offset = place.next;
            partition.partition_max_bytes = wanted_.fetch_bytes;
        }
        return request;
    }

    Pieces pieces_of(const std::map<NodeId, FetchReply>& replies) const {
        std::map<Uuid, std::string> names;
        for (const Place& place : places_) names[place.topic_id] = place.tp.topic;
        Pieces out;
        for (const auto& [broker, reply] : replies)
            for (const auto& topic : reply->responses)
                for (const auto& part : topic.partitions) {
                    const auto name = names.find(topic.topic_id);
                    ReplicaPiece piece{broker, part.high_watermark, {}};
                    if (part.records && !part.records->empty())
                        piece.batches = part.records->parts().front().bytes;
                    out[{name == names.end() ? std::string{topic.topic} : name->second,
                         part.partition_index}]
                        .push_back(piece);
                }
        return out;
    }

    Result<void> compare(const std::map<NodeId, FetchReply>& replies, bool& moved) {
        const Pieces all = pieces_of(replies);
        for (Place& place : places_) {
            const auto pieces = all.find(place.tp);
            place.lag = -1;
            if (pieces == all.end()) continue;
            if (pieces->second.size() == place.replicas.size()) {
                TRY(const ReplicaCheck check, check_replicas(place.tp, place.next, pieces->second));
                moved |= check.next != place.next;
                place.next = check.next;
                parted_ |= check.parted;
                for (const std::string& complaint : check.complaints) tell(complaint);
            }
            for (const ReplicaPiece& piece : pieces->second)
                place.lag = std::max(place.lag, piece.high_watermark - place.next);
        }
        return {};
    }

    void report() const {
        const Place& worst = *std::ranges::max_element(places_, {}, &Place::lag);
        tell(fmt::format("max lag is {} for partition {}-{} at offset {} among {} partitions",
                         worst.lag, worst.tp.topic, worst.tp.partition, worst.next,
                         places_.size()));
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    client::Cluster cluster_;
    client::Admin admin_;
    std::vector<Place> places_;
    size_t first_ = 0;    // of the places in the next requests
    size_t waiting_ = 0;  // for so many brokers
    bool parted_ = false;
    std::optional<Error> refusal_;  // of a broker that does not take such requests
    runtime::Event fetched_;
    runtime::Event ended_;
    Result<int> outcome_ = kFailed;
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    TRY(const auto fetch, arguments.number("fetch-size"));
    TRY(const auto wait, arguments.number("max-wait-ms"));
    TRY(const auto time, arguments.long_number("time"));
    TRY(const auto interval, arguments.long_number("report-interval-ms"));
    TRY(const auto pattern, arguments.value("topics-include"));
    auto topics = NameFilter::parse(pattern.value_or(".*"));
    if (!topics)
        return fail(ErrorCode::invalid_request, fmt::format("{} is an invalid regex", *pattern));
    out.topics = *std::move(topics);
    out.fetch_bytes = fetch.value_or(out.fetch_bytes);
    out.time = time.value_or(out.time);
    if (wait) out.wait = ms{std::max(*wait, 0)};
    if (interval) out.interval = ms{std::clamp<int64_t>(*interval, 0, INT32_MAX)};
    return out;
}

Result<int> act(const Console& console, const Wanted& wanted, const std::string& servers) {
    client::Settings settings;
    settings.set("bootstrap.servers", servers);
    settings.set("client.id", "replica-verification");
    TRY(client::ClientConfig config, client::ClientConfig::from(settings));
    runtime::Machine machine;
    Verification work(machine, console, wanted, std::move(config));
    return machine.wait(work.run());
}

int failed(const Console& console, std::string_view why) {
    std::fflush(console.out);
    console.error_line(why);
    return kFailed;
}

}  // namespace

int replica_verification(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(console, arguments.error().message);
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Whether the replicas of partitions hold the same.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"broker-list"}))
        return misused(console, *missing, kOptions);
    const auto wanted = read_wanted(*arguments);
    if (!wanted) return failed(console, wanted.error().message);
    const auto servers = arguments->value("broker-list");
    if (!servers) return failed(console, servers.error().message);
    if (!client::parse_bootstrap_servers(**servers))
        return misused(console, "Please provide valid host:port like host1:9091,host2:9092\n ",
                       kOptions);
    const auto status = act(console, *wanted, **servers);
    return status ? *status : failed(console, failure_text(status.error(), "listTopics"));
}

}  // namespace millrace::cli::kafka
