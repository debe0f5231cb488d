#include "topology.h"

#include "streams/streams_builder.h"

namespace millrace::takeover {
namespace {

using namespace millrace::streams;
using namespace std::chrono_literals;

using Text = std::string;
using Texts = KStream<Text, Text>;

// Each value with the one before it. Also where commits are asked for.
class Previous final : public FixedKeyProcessor<Text, Text, Text> {
public:
    explicit Previous(std::atomic<bool>& commit) : commit_(commit) {}
    void init(FixedKeyProcessorContext<Text, Text>& context) override {
        FixedKeyProcessor::init(context);
        previous_ = context.store<KeyValueStore<Text, Text>>("previous");
        context.schedule(20ms, PunctuationType::wall_clock_time, [this, &context](TimestampMs) {
            if (commit_.exchange(false)) context.commit();
        });
    }
    void process(const Record<Text, Text>& record) override {
        const std::optional<Text> before = previous_->get(record.key());
        if (record.value().starts_with("-"))
            previous_->remove(record.key());
        else
            previous_->put(record.key(), record.value());
        context().forward(record.with_value<Text>(before.value_or("null") + ">" + record.value()));
    }

private:
    std::atomic<bool>& commit_;
    std::optional<KeyValueStore<Text, Text>> previous_;
};

class Application {
public:
    Application(const std::string& prefix, std::atomic<bool>& commit)
        : prefix_(prefix), commit_(commit) {}

    Topology topology() {
        builder_.add_state_store(stores::key_value_store_builder<Text, Text>(
            stores::persistent_key_value_store("previous")));
        const Texts events = stream("events");
        counts(events);
        windows(events);
        versions(events);
        stream_joins();
        table_joins();
        return builder_.build();
    }

private:
    Texts stream(const std::string& topic) { return builder_.stream<Text, Text>(prefix_ + topic); }
    template <typename V>
    KTable<Text, V> table(const std::string& topic, const Materialized<Text, V>& store) {
        return builder_.table<Text, V>(prefix_ + topic, {}, store);
    }
    template <typename K, typename V>
    void to(const KStream<K, V>& stream, const std::string& topic, const Serde<K>& key = {}) {
        stream.to(prefix_ + topic, Produced<K, V>::with(key, {}));
    }
    template <typename V>
    static Materialized<Text, V> as(const std::string& name) {
        return Materialized<Text, V>::as(name);
    }

    void counts(const Texts& events) {
        const auto counts = events.group_by_key().count(as<int64_t>("counts"));
        to(counts.to_stream(), "out-counts");
        to(counts
               .suppress(Suppressed::until_time_limit(20s, BufferConfig::max_records(1000))
                             .with_name("limited"))
               .to_stream(),
           "out-limited");
        to(events
               .group_by([](const Text&, const Text& value) { return value.substr(0, 1); },
                         Grouped<Text, Text>::as("letters"))
               .count(as<int64_t>("letters"))
               .to_stream(),
           "out-letters");
        const FixedKeyProcessorSupplier<Text, Text, Text> previous = [&commit = commit_] {
            return std::make_unique<Previous>(commit);
        };
        to(events.process_values(previous, {"previous"}), "out-previous");
    }

    void windows(const Texts& events) {
        const auto grouped = events.group_by_key();
        const auto tumbling = TimeWindows::of_size_and_grace(10s, 5s);
        const auto windowed = time_windowed_serde<Text>({}, 10'000);
        to(grouped.windowed_by(tumbling).count({}, as<int64_t>("tumbling")).to_stream(),
           "out-tumbling", windowed);
        to(grouped.windowed_by(tumbling.advance_by(4s))
               .aggregate([] { return Text(); },
                          [](const Text&, const Text& value, const Text& all) {
                              return all + value.substr(0, 1);
                          },
                          {}, as<Text>("hopping").with_caching_disabled())
               .to_stream(),
           "out-hopping", windowed);
        to(grouped.windowed_by(SlidingWindows::of_time_difference_and_grace(5s, 5s))
               .count({}, as<int64_t>("sliding"))
               .to_stream(),
           "out-sliding", windowed);
        to(grouped.windowed_by(tumbling)
               .count({}, as<int64_t>("closing"))
               .suppress(
                   Suppressed::until_window_closes(BufferConfig::unbounded()).with_name("closed"))
               .to_stream(),
           "out-closed", windowed);
        to(grouped.windowed_by(tumbling)
               .emit_strategy(EmitStrategy::on_window_close)
               .count({}, as<int64_t>("emitting").with_caching_disabled())
               .to_stream(),
           "out-emitted", windowed);
        to(grouped.windowed_by(SessionWindows::of_inactivity_gap_and_grace(3s, 4s))
               .count({}, as<int64_t>("sessions").with_retention(2min))
               .to_stream(),
           "out-sessions", session_windowed_serde<Text>({}));
    }

    void versions(const Texts& events) {
        const auto prices =
            table("prices", Materialized<Text, Text>::as(
                                stores::persistent_versioned_key_value_store("prices", 60s)));
        const auto priced = [](const Text& event, const Text& price) {
            return event + "@" + price;
        };
        using Joined = streams::Joined<Text, Text, Text>;
        to(events.join(prices, priced, Joined::as("priced")), "out-priced");
        to(events.join(prices, priced, Joined::as("waited").with_grace_period(3s)), "out-waited");
    }

    void stream_joins() {
        const Texts left = stream("left");
        const Texts right = stream("right");
        const auto near = JoinWindows::of_time_difference_and_grace(4s, 3s);
        const auto named = [](const std::string& name) {
            return StreamJoined<Text, Text, Text>::as(name).with_store_name(name);
        };
        to(left.left_join(right, joined("+"), near, named("left-join")), "out-left");
        to(left.outer_join(right, joined("+"), near, named("outer-join")), "out-outer");
    }

    void table_joins() {
        const auto first = table("first", as<Text>("first"));
        const auto second = table("second", as<Text>("second").with_caching_disabled());
        to(first.outer_join(second, joined("&"), Named::as("tables"), as<Text>("tables"))
               .to_stream(),
           "out-tables");
        const auto orders = table("orders", as<Text>("orders"));
        const auto products = table("products", as<Text>("products").with_caching_disabled());
        const auto product = [](const Text& order) { return order.substr(0, order.find(':')); };
        to(orders
               .left_join(products, product, joined("="), Named::as("ordered"), as<Text>("ordered"))
               .to_stream(),
           "out-orders");
    }

    // Both sides with the sign between them, where one may be missing: as Java writes it.
    static std::function<Text(const Text*, const Text*)> joined(std::string sign) {
        return [sign = std::move(sign)](const Text* left, const Text* right) {
            return (left ? *left : "null") + sign + (right ? *right : "null");
        };
    }

    std::string prefix_;
    std::atomic<bool>& commit_;
    StreamsBuilder builder_;
};

}  // namespace

streams::Topology make_topology(const std::string& prefix, std::atomic<bool>& commit) {
    return Application(prefix, commit).topology();
}

}  // namespace millrace::takeover
