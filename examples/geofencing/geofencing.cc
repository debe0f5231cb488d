// Geofencing: when vehicles enter zones and leave them (zone-events). Zones may change while it
// runs: events follow the new ones from the next position on.
#include "application.h"
#include "streams/streams_builder.h"
#include "zone_index.h"

namespace millrace::examples {
namespace {

using namespace streams;

using Text = std::string;
using ZonesPtr = std::shared_ptr<Zones>;

// ---- the zones: a global store, which each instance has as a whole, and an index of it

class KeepZones final : public Processor<Text, Zone> {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, Zone>(
                   stores::persistent_key_value_store("zones"))
            .with_logging_disabled();
    }
    explicit KeepZones(ZonesPtr zones) : zones_(std::move(zones)) {}

    void init(ProcessorContext<Text, Zone>& context) override {
        Processor::init(context);
        store_ = context.store<KeyValueStore<Text, Zone>>("zones");
        // What was restored did not come by here.
        auto restored = store_->all();
        while (const auto entry = restored.next()) zones_->put(entry->key, &entry->value);
    }
    void process(const Record<Text, Zone>& record) override {
        const Zone* zone = record.value_ptr();
        if (zone)
            store_->put(record.key(), *zone);
        else
            store_->remove(record.key());
        zones_->put(record.key(), zone);
    }

private:
    ZonesPtr zones_;
    std::optional<KeyValueStore<Text, Zone>> store_;
};

// ---- the vehicles

struct ZoneEvent {
    Text event;                    // enter or leave
    std::optional<int64_t> dwell;  // of leave: for how many milliseconds it was there
    void fields(this auto&& self, auto&& field) {
        field("event", self.event);
        field("dwell", self.dwell);
    }
};

struct Visit {
    Text zone;
    TimestampMs since = 0;
    void fields(this auto&& self, auto&& field) {
        field("zone", self.zone);
        field("since", self.since);
    }
};
// Of a vehicle, where it is now: by zone.
struct Visits {
    std::vector<Visit> list;
    void fields(this auto&& self, auto&& field) { field("list", self.list); }
};

class FollowVehicles final : public Processor<Text, Position, Text, ZoneEvent> {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, Visits>(
                   stores::persistent_key_value_store("visits"))
            .with_caching_enabled();
    }
    explicit FollowVehicles(ZonesPtr zones) : zones_(std::move(zones)) {}

    void init(ProcessorContext<Text, ZoneEvent>& context) override {
        Processor::init(context);
        visits_ = context.store<KeyValueStore<Text, Visits>>("visits");
    }
    void process(const Record<Text, Position>& record) override {
        const Position& at = record.value();
        const std::vector<Text> here = zones_->index()->zones_at({at.latitude, at.longitude});
        const std::vector<Visit> before = visits_->get(record.key()).value_or(Visits{}).list;
        Visits now;
        bool changed = false;
        for (const Visit& visit : before) {
            if (std::ranges::binary_search(here, visit.zone)) {
                now.list.push_back(visit);
                continue;
            }
            emit(record, visit.zone, {"leave", record.timestamp() - visit.since});
            changed = true;
        }
        for (const Text& zone : here) {
            if (std::ranges::find(before, zone, &Visit::zone) != before.end()) continue;
            now.list.push_back({zone, record.timestamp()});
            emit(record, zone, {"enter", std::nullopt});
            changed = true;
        }
        if (!changed) return;
        if (now.list.empty())
            visits_->remove(record.key());
        else
            visits_->put(record.key(), now);
    }

private:
    void emit(const Record<Text, Position>& record, const Text& zone, const ZoneEvent& event) {
        const Text key = fmt::format("{}/{}/{}", record.key(), zone, record.timestamp());
        context().forward(record.with_key(key).with_value(event));
    }

    ZonesPtr zones_;
    std::optional<KeyValueStore<Text, Visits>> visits_;
};

Topology geofencing() {
    const auto zones = std::make_shared<Zones>();
    StreamsBuilder builder;
    builder.add_global_store<Text, Zone>(KeepZones::store(), "zones", {},
                                         [zones] { return std::make_unique<KeepZones>(zones); });
    builder.stream<Text, Position>("positions")
        .process<Text, ZoneEvent>([zones] { return std::make_unique<FollowVehicles>(zones); }, {},
                                  {}, {FollowVehicles::store()})
        .to("zone-events");
    return builder.build();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    using namespace millrace::examples;
    return run_application(argc, argv, "geofencing", &geofencing);
}
