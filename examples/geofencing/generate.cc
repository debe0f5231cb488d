// Half an hour of 200 vehicles at scale 1, which head for 40 zones around London and linger there.
#include "generator.h"
#include "positions.h"

namespace millrace::examples {
namespace {

constexpr int64_t kZones = 40;
constexpr int64_t kTicks = 400;
constexpr int64_t kPeriodMs = 5000;
// Where the corners of a zone lie from its centre, in the order in which they are joined.
constexpr Point kDirections[] = {{1000, 0},    {707, 707}, {0, 1000},   {-707, 707}, {-1000, 0},
                                 {-707, -707}, {0, -1000}, {707, -707}, {500, -860}};

Point somewhere(Random& random) {
    const int64_t latitude = random.between(51'300'000, 51'700'000);
    const int64_t longitude = random.between(-500'000, 300'000);
    return {latitude, longitude};
}

Zone make_zone(Random& random) {
    const Point centre = somewhere(random);
    Zone zone;
    const int64_t corners = random.between(3, 9);
    for (int64_t i = 0; i < corners; ++i) {
        const auto [north, east] = kDirections[i];
        const int64_t latitude = centre[0] + north * random.between(5, 22);
        const int64_t longitude = centre[1] + east * random.between(5, 35);
        zone.polygon.push_back({latitude, longitude});
    }
    return zone;
}

int64_t mean_rounded_down(const Zone& zone, size_t axis) {
    const auto count = static_cast<int64_t>(zone.polygon.size());
    int64_t sum = 0;
    for (const Point& corner : zone.polygon) sum += corner[axis];
    return sum / count - (sum % count < 0);
}

// About the middle of a zone.
Point destination(const Zone& zone, Random& random) {
    const int64_t latitude = mean_rounded_down(zone, 0) + random.between(-9000, 9000);
    const int64_t longitude = mean_rounded_down(zone, 1) + random.between(-9000, 9000);
    return {latitude, longitude};
}

struct Vehicle {
    Point at;
    std::optional<Point> goal;
};

void drive(Vehicle& vehicle, const std::vector<Zone>& zones, Random& random) {
    if (!vehicle.goal) vehicle.goal = destination(zones[random.below(kZones)], random);
    const Point goal = *vehicle.goal;
    for (size_t axis = 0; axis < 2; ++axis) {
        const int64_t step = std::clamp<int64_t>(goal[axis] - vehicle.at[axis], -2500, 2500);
        vehicle.at[axis] += step + random.between(-60, 60);
    }
    const int64_t away = std::abs(goal[0] - vehicle.at[0]) + std::abs(goal[1] - vehicle.at[1]);
    if (away < 3000 && random.chance(150)) vehicle.goal.reset();
}

void fill(Records& records, Random& random, int64_t scale) {
    std::vector<Zone> zones;
    for (int64_t i = 0; i < kZones; ++i) {
        zones.push_back(make_zone(random));
        records.add("zones", fmt::format("Z{:02}", i), zones.back(), kBegin);
    }
    std::vector<Vehicle> vehicles(200 * scale);
    const auto count = static_cast<int64_t>(vehicles.size());
    for (Vehicle& vehicle : vehicles) vehicle.at = somewhere(random);
    for (int64_t tick = 0; tick < kTicks; ++tick) {
        for (int64_t i = 0; i < count; ++i) {
            drive(vehicles[i], zones, random);
            const auto [latitude, longitude] = vehicles[i].at;
            if (random.chance(20)) continue;  // lost on the way
            records.add("positions", fmt::format("V{:04}", i), Position{latitude, longitude},
                        kBegin + tick * kPeriodMs + i * 7 % kPeriodMs);
        }
    }
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    return millrace::examples::generate(argc, argv, millrace::examples::fill);
}
