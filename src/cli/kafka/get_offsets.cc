// kafka-get-offsets: the offsets of partitions at a time.
#include <charconv>

#include "cli/cluster/choose.h"
#include "cli/cluster/topics.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"topic", Takes::value, "pattern", "Topics, as a pattern; else all."},
    {"partitions", Takes::value, "0,1,...", "Only these partitions."},
    {"topic-partitions", Takes::value, "t1:0,t2:1-3,...", "Patterns with partitions."},
    {"time", Takes::value, "time", "Milliseconds, or latest, earliest, max-timestamp ..."},
    {"exclude-internal-topics", Takes::nothing, "", "Without the system's own topics."},
    kHelp,
    kVersion,
});

// One rule of --topic-partitions: a pattern, and a number, a range with open ends, or nothing.
struct Rule {
    NameFilter topics;
    int64_t from = 0;
    int64_t until = INT64_MAX;
    bool fits(std::string_view topic, PartitionIndex partition) const {
        return partition >= from && partition < until && topics.fits(topic);
    }
};

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

std::optional<int64_t> number(std::string_view text) {
    int64_t n = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    const bool whole = error == std::errc{} && stop == text.data() + text.size();
    return whole ? std::optional{n} : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    while (true) {
        const size_t comma = text.find(',');
        out.push_back(text.substr(0, comma));
        if (comma == text.npos) return out;
        text.remove_prefix(comma + 1);
    }
}

Result<Rule> parse_rule(std::string_view text) {
    const auto wrong = [&] {
        return refused(fmt::format(
            "org.apache.kafka.tools.TerseException: Invalid rule specification: {}", text));
    };
    const size_t colon = text.rfind(':');
    Rule out;
    const std::string_view pattern = text.substr(0, colon);
    TRY(out.topics, NameFilter::parse(pattern.empty() ? ".*" : pattern));
    if (colon == text.npos) return out;
    const std::string_view range = text.substr(colon + 1);
    if (const size_t dash = range.find('-'); dash != range.npos) {
        const std::string_view low = range.substr(0, dash);
        const std::string_view high = range.substr(dash + 1);
        if (!low.empty() && !number(low)) return wrong();
        if (!high.empty() && !number(high)) return wrong();
        out.from = low.empty() ? 0 : *number(low);
        if (!high.empty()) out.until = *number(high);
    } else if (!range.empty()) {
        const auto n = number(range);
        if (!n) return wrong();
        out.from = *n;
        out.until = *n + 1;
    }
    return out;
}

Result<std::vector<Rule>> read_rules(const Arguments& arguments) {
    TRY(const auto topic, arguments.value("topic"));
    TRY(const auto partitions, arguments.value("partitions"));
    TRY(const auto both, arguments.value("topic-partitions"));
    if (both && (topic || partitions))
        return refused("--topic-partitions cannot be used with --topic or --partitions");
    std::vector<Rule> out;
    if (both) {
        for (const std::string_view text : split(*both)) {
            TRY(out.emplace_back(), parse_rule(text));
        }
        return out;
    }
    TRY(const NameFilter topics, NameFilter::parse(topic.value_or(".*")));
    if (!partitions) return std::vector<Rule>{{topics}};
    for (const std::string_view text : split(*partitions)) {
        const auto n = number(text);
        if (!n)
            return refused(
                fmt::format("--partitions expects a comma separated list of numeric "
                            "partition ids, but received: {}",
                            *partitions));
        out.push_back({topics, *n, *n + 1});
    }
    return out;
}

Result<TimestampMs> read_time(const Arguments& arguments) {
    constexpr std::pair<std::string_view, TimestampMs> kNames[] = {
        {"latest", client::kLatest},
        {"earliest", client::kEarliest},
        {"max-timestamp", client::kMaxTimestamp},
        {"earliest-local", client::kEarliestLocal},
        {"latest-tiered", client::kLatestTiered},
        {"earliest-pending-upload", client::kEarliestPendingUpload}};
    TRY(const auto text, arguments.value("time"));
    if (!text) return client::kLatest;
    for (const auto& [name, time] : kNames)
        if (*text == name) return time;
    if (const auto n = number(*text)) return *n;
    return refused(
        fmt::format("Malformed time argument {}. Please use -1 or latest / -2 or earliest / -3 or "
                    "max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or "
                    "earliest-pending-upload, or a specified long format timestamp",
                    *text));
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto rules, read_rules(arguments));
    TRY(const TimestampMs time, read_time(arguments));
    TRY(const auto session, open_session(arguments));
    const auto topics = find_topics(*session, {}, arguments.has("exclude-internal-topics"));
    if (!topics) return fail(topics.code(), failure_text(topics.error(), "listTopics"));
    std::vector<std::string> names;
    for (const auto& topic : *topics)
        if (std::ranges::any_of(rules, [&](const Rule& r) { return r.topics.fits(topic.name); }))
            names.push_back(topic.name);
    TRY(const auto described, session->wait(session->admin().describe_topics(names)));
    std::map<TopicPartition, TimestampMs> wanted;
    for (const client::TopicDescription& topic : described)
        for (const client::PartitionDescription& p : topic.partitions)
            if (std::ranges::any_of(rules,
                                    [&](const Rule& r) { return r.fits(topic.name, p.index); }))
                wanted[{topic.name, p.index}] = time;
    if (wanted.empty())
        return refused("Could not match any topic-partitions with the specified filters");
    TRY(const auto found, session->wait(session->admin().list_offsets(std::move(wanted))));
    for (const auto& [tp, offset] : found) {
        if (offset.error.code != ErrorCode::none)
            console.error_line(
                fmt::format("Skip getting offsets for topic-partition {}-{} due to "
                            "error: {}",
                            tp.topic, tp.partition, sentence(offset.error)));
        else if (offset.offset >= 0)
            console.line(fmt::format("{}:{}:{}", tp.topic, tp.partition, offset.offset));
    }
    return {};
}

}  // namespace

int get_offsets(const Console& console, const Words& words) {
    const auto failed = [&](const Error& error) {
        std::fflush(console.out);
        console.error_line(fmt::format("Error occurred: {}", sentence(error)));
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error());
    if (const auto ended = help_or_version(console, words, *arguments,
                                           "The offsets of partitions at a time.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return misused(console, *missing, kOptions);
    const auto done = act(console, *arguments);
    return done ? kDone : failed(done.error());
}

}  // namespace millrace::cli::kafka
