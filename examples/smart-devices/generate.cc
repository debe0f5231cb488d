// Half an hour of 500 devices at scale 1, eight in a home. Now and then one heats for some minutes.
#include "devices.h"
#include "generator.h"

namespace millrace::examples {
namespace {

constexpr int64_t kPeriodMs = 10'000;
constexpr int64_t kReadings = 180;  // of each device

struct Room {
    int64_t temperature = 0;
    int64_t heating = 0;  // for so many readings more
};

Reading read(Room& room, Random& random) {
    if (random.chance(2)) room.heating = random.between(20, 60);
    const int64_t drift = room.heating > 0 ? 40 : room.temperature > 2300 ? -6 : 0;
    room.temperature += random.between(-8, 8) + drift;
    if (room.heating > 0) --room.heating;
    const int64_t milliwatt = random.between(0, 50'000) + (room.heating > 0 ? 1'500'000 : 0);
    return {room.temperature, milliwatt};
}

void fill(Records& records, Random& random, int64_t scale) {
    const auto name = [](int64_t device) { return fmt::format("D{:05}", device); };
    std::vector<Room> rooms(500 * scale);
    const auto count = static_cast<int64_t>(rooms.size());
    for (int64_t i = 0; i < count; ++i)
        records.add("devices", name(i), Device{fmt::format("H{:04}", i / 8), 2600 + 100 * (i % 5)},
                    kBegin);
    for (Room& room : rooms) room.temperature = random.between(1900, 2300);
    for (int64_t tick = 0; tick < kReadings; ++tick)
        for (int64_t i = 0; i < count; ++i)
            records.add("readings", name(i), read(rooms[i], random),
                        kBegin + tick * kPeriodMs + i * 10 % kPeriodMs);
    records.delay("readings", random, 50, 4000);
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    return millrace::examples::generate(argc, argv, millrace::examples::fill);
}
