// Smart devices: each minute's temperatures (minute-temperature), who is too hot for three minutes
// in a row (alerts-heat), and the energy that a home takes (home-energy).
#include "application.h"
#include "devices.h"
#include "streams/streams_builder.h"
#include "window_key.h"

namespace millrace::examples {
namespace {

using namespace streams;
using namespace std::chrono_literals;

using Text = std::string;

constexpr TimestampMs kMinute = 60'000;

// ---- the temperatures of a minute

struct Temperatures {
    int64_t count = 0;
    int64_t sum = 0;
    int64_t min = std::numeric_limits<int64_t>::max();
    int64_t max = std::numeric_limits<int64_t>::min();
    int64_t average() const { return sum / count; }
    void fields(this auto&& self, auto&& field) {
        field("count", self.count);
        field("sum", self.sum);
        field("min", self.min);
        field("max", self.max);
    }
};
Temperatures with_reading(const Text&, const Reading& reading, Temperatures minute) {
    ++minute.count;
    minute.sum += reading.temperature;
    minute.min = std::min(minute.min, reading.temperature);
    minute.max = std::max(minute.max, reading.temperature);
    return minute;
}

struct MinuteTemperature {
    int64_t count = 0;
    int64_t average = 0;
    int64_t min = 0;
    int64_t max = 0;
    void fields(this auto&& self, auto&& field) {
        field("count", self.count);
        field("avg", self.average);
        field("min", self.min);
        field("max", self.max);
    }
};
MinuteTemperature shown(const Temperatures& minute) {
    return {minute.count, minute.average(), minute.min, minute.max};
}

KStream<Windowed<Text>, Temperatures> closed_minutes(const KStream<Text, Reading>& readings) {
    return readings.group_by_key()
        .windowed_by(TimeWindows::of_size_and_grace(60s, 5s))
        .aggregate([] { return Temperatures{}; }, &with_reading, {},
                   Materialized<Text, Temperatures>::as("open-minutes"))
        .suppress(
            Suppressed::until_window_closes(BufferConfig::unbounded()).with_name("closed-minutes"))
        .to_stream();
}

// ---- heat

struct HeatAlert {
    int64_t limit = 0;
    void fields(this auto&& self, auto&& field) { field("limit", self.limit); }
};

// Minutes in a row over the limit.
struct HotRun {
    int64_t minutes = 0;
    TimestampMs last = 0;
    void fields(this auto&& self, auto&& field) {
        field("minutes", self.minutes);
        field("last", self.last);
    }
};

class WatchHeat final : public Processor<Windowed<Text>, Temperatures, Text, HeatAlert> {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, HotRun>(
            stores::persistent_key_value_store("hot-runs"));
    }
    void init(ProcessorContext<Text, HeatAlert>& context) override {
        Processor::init(context);
        devices_ = context.store<TimestampedKeyValueStore<Text, Device>>("devices");
        runs_ = context.store<KeyValueStore<Text, HotRun>>("hot-runs");
    }
    void process(const Record<Windowed<Text>, Temperatures>& record) override {
        const auto& [name, window] = record.key();
        const auto device = devices_->get(name);
        if (!device) return;
        const int64_t limit = device->value.limit;
        if (record.value().average() <= limit) {
            runs_->remove(name);
            return;
        }
        HotRun run = runs_->get(name).value_or(HotRun{});
        run.minutes = run.last == window.start - kMinute ? run.minutes + 1 : 1;
        run.last = window.start;
        runs_->put(name, run);
        if (run.minutes == 3)
            context().forward(
                record.with_key(window_key(record.key())).with_value(HeatAlert{limit}));
    }

private:
    std::optional<TimestampedKeyValueStore<Text, Device>> devices_;
    std::optional<KeyValueStore<Text, HotRun>> runs_;
};

// ---- energy

struct Energy {
    int64_t millijoule = 0;
    void fields(this auto&& self, auto&& field) { field("millijoule", self.millijoule); }
};
// A reading stands for the ten seconds until the next.
struct HomeReading {
    Text home;
    int64_t millijoule = 0;
    void fields(this auto&& self, auto&& field) {
        field("home", self.home);
        field("millijoule", self.millijoule);
    }
};
HomeReading at_home(const Reading& reading, const Device& device) {
    return {device.home, reading.milliwatt * 10};
}
Energy with_energy(const Text&, const HomeReading& reading, Energy energy) {
    return {energy.millijoule + reading.millijoule};
}

// A home's devices lie in several partitions, which are not read equally fast: the sums are not
// held back until they are final but go on as they are, for a day.
void sum_energy(const KStream<Text, Reading>& readings, const KTable<Text, Device>& devices) {
    readings.join(devices, &at_home)
        .group_by([](const Text&, const HomeReading& reading) { return reading.home; },
                  Grouped<Text, HomeReading>::as("by-home"))
        .windowed_by(TimeWindows::of_size_and_grace(300s, 24h))
        .aggregate([] { return Energy{}; }, &with_energy, {},
                   Materialized<Text, Energy>::as("home-energy"))
        .to_stream([](const Windowed<Text>& key, const Energy*) { return window_key(key); })
        .to("home-energy");
}

// ---- all of it

Topology smart_devices() {
    StreamsBuilder builder;
    const auto devices = builder.table<Text, Device>(
        "devices", Consumed<Text, Device>().with_timestamp_extractor(before_all_events()),
        Materialized<Text, Device>::as("devices"));
    const auto readings = builder.stream<Text, Reading>("readings");

    const auto minutes = closed_minutes(readings);
    minutes.map_values(&shown)
        .select_key(
            [](const Windowed<Text>& key, const MinuteTemperature&) { return window_key(key); })
        .to("minute-temperature");
    minutes
        .process<Text, HeatAlert>([] { return std::make_unique<WatchHeat>(); }, {"devices"}, {},
                                  {WatchHeat::store()})
        .to("alerts-heat");
    sum_energy(readings, devices);
    return builder.build();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    using namespace millrace::examples;
    return run_application(argc, argv, "smart-devices", &smart_devices);
}
