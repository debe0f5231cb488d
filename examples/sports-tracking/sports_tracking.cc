// Sports tracking: how far each player runs (distance-5s), the sprints (sprints), and where on the
// field a player is how often (heatmap).
#include "application.h"
#include "streams/streams_builder.h"
#include "tracking.h"
#include "window_key.h"

namespace millrace::examples {
namespace {

using namespace streams;
using namespace std::chrono_literals;

using Text = std::string;

// ---- positions in the order of time

struct Sample {
    TimestampMs time = 0;
    Position at;
    void fields(this auto&& self, auto&& field) {
        field("time", self.time);
        field("at", self.at);
    }
};
// From one position to the next.
struct Step {
    TimestampMs from = 0;
    TimestampMs to = 0;
    int64_t mm = 0;
    bool fast() const { return mm > 7 * (to - from); }  // over 7 m/s
};

// Positions come up to 0.4 seconds late. They wait half a second (by the time of the records, of
// whatever player), and leave in their order, as steps at the time of the later position.
class InOrder final : public FixedKeyProcessor<Text, Position, Step> {
public:
    static constexpr int64_t kWaitMs = 500;

    // The last sample that has left comes first (none: time 0), then those that wait.
    struct Samples {
        std::vector<Sample> list{Sample{}};
        void fields(this auto&& self, auto&& field) { field("list", self.list); }
    };
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, Samples>(
            stores::persistent_key_value_store("waiting-samples"));
    }
    void init(FixedKeyProcessorContext<Text, Step>& context) override {
        FixedKeyProcessor::init(context);
        waiting_ = context.store<KeyValueStore<Text, Samples>>("waiting-samples");
    }
    void process(const Record<Text, Position>& record) override {
        std::vector<Sample> samples = waiting_->get(record.key()).value_or(Samples{}).list;
        const Sample sample{record.timestamp(), record.value()};
        const auto place = std::ranges::lower_bound(samples, sample.time, {}, &Sample::time);
        if (place == samples.begin()) return;  // too late: its neighbours have left
        if (place != samples.end() && place->time == sample.time) return;
        samples.insert(place, sample);

        const TimestampMs ready = context().current_stream_time_ms() - kWaitMs;
        size_t left = 0;
        for (; left + 1 < samples.size() && samples[left + 1].time <= ready; ++left)
            if (samples[left].time > 0) forward(record, samples[left], samples[left + 1]);
        samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(left));
        waiting_->put(record.key(), {std::move(samples)});
    }

private:
    void forward(const Record<Text, Position>& record, const Sample& from, const Sample& to) {
        const Step step{from.time, to.time, distance(from.at, to.at)};
        context().forward(record.with_value(step).with_timestamp(to.time));
    }
    std::optional<KeyValueStore<Text, Samples>> waiting_;
};

// ---- sprints: ten fast steps in a row

struct Sprint {
    TimestampMs start = 0;
    void fields(this auto&& self, auto&& field) { field("start", self.start); }
};

class FindSprints final : public Processor<Text, Step, Text, Sprint> {
public:
    static constexpr int64_t kSteps = 10;

    struct FastRun {
        TimestampMs start = 0;
        int64_t steps = 0;
        void fields(this auto&& self, auto&& field) {
            field("start", self.start);
            field("steps", self.steps);
        }
    };
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, FastRun>(
            stores::persistent_key_value_store("fast-runs"));
    }
    void init(ProcessorContext<Text, Sprint>& context) override {
        Processor::init(context);
        runs_ = context.store<KeyValueStore<Text, FastRun>>("fast-runs");
    }
    void process(const Record<Text, Step>& record) override {
        const Step& step = record.value();
        std::optional<FastRun> run = runs_->get(record.key());
        if (!step.fast()) {
            if (run) runs_->remove(record.key());
            return;
        }
        if (!run) run = FastRun{.start = step.from};
        ++run->steps;
        runs_->put(record.key(), *run);
        if (run->steps == kSteps)
            context().forward(
                record.with_key(key_at(record.key(), step.to)).with_value(Sprint{run->start}));
    }

private:
    std::optional<KeyValueStore<Text, FastRun>> runs_;
};

// ---- distances and the heat map

struct Distance {
    int64_t mm = 0;
    void fields(this auto&& self, auto&& field) { field("mm", self.mm); }
};
struct Cell {
    int64_t samples = 0;
    void fields(this auto&& self, auto&& field) { field("samples", self.samples); }
};

void sum_distances(const KStream<Text, Step>& steps) {
    steps.group_by_key()
        .windowed_by(TimeWindows::of_size_and_grace(5s, 5s))
        .aggregate([] { return Distance{}; },
                   [](const Text&, const Step& step, const Distance& sum) {
                       return Distance{sum.mm + step.mm};
                   },
                   {}, Materialized<Text, Distance>::as("distances"))
        .to_stream([](const Windowed<Text>& key, const Distance*) { return window_key(key); })
        .to("distance-5s");
}

// Cells of 5 × 5 m.
void count_cells(const KStream<Text, Position>& positions) {
    positions
        .group_by(
            [](const Text& player, const Position& at) {
                return fmt::format("{}/{}/{}", player, at.x / 5000, at.y / 5000);
            },
            Grouped<Text, Position>::as("by-cell"))
        .count(Materialized<Text, int64_t>::as("cells"))
        .map_values([](int64_t samples) { return Cell{samples}; })
        .to_stream()
        .to("heatmap");
}

// ---- all of it

Topology sports_tracking() {
    StreamsBuilder builder;
    const auto positions = builder.stream<Text, Position>("tracking");
    const auto steps = positions.process_values<Step>([] { return std::make_unique<InOrder>(); },
                                                      {}, {}, {InOrder::store()});
    steps
        .process<Text, Sprint>([] { return std::make_unique<FindSprints>(); }, {}, {},
                               {FindSprints::store()})
        .to("sprints");
    sum_distances(steps);
    count_cells(positions);
    return builder.build();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    using namespace millrace::examples;
    return run_application(argc, argv, "sports-tracking", &sports_tracking);
}
