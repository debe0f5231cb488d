// What is in the topics of the geofencing, and when a position lies in a zone.
#pragma once

#include "json.h"

namespace millrace::examples {

// Latitude and longitude in 1e-6 degrees.
using Point = std::array<int64_t, 2>;

// Topic `zones`, by zone: a polygon's corners.
struct Zone {
    std::vector<Point> polygon;
    void fields(this auto&& self, auto&& field) { field("polygon", self.polygon); }
};

// Topic `positions`, by vehicle, every 5 seconds.
struct Position {
    int64_t latitude = 0;
    int64_t longitude = 0;
    void fields(this auto&& self, auto&& field) {
        field("lat", self.latitude);
        field("lon", self.longitude);
    }
};

}  // namespace millrace::examples
