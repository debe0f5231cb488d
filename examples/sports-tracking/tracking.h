// What is in the topic of the sports tracking.
#pragma once

#include <cmath>

#include "json.h"

namespace millrace::examples {

// Topic `tracking`, by player, ten a second: where on a field of 105 × 68 m, in mm.
struct Position {
    int64_t x = 0;
    int64_t y = 0;
    void fields(this auto&& self, auto&& field) {
        field("x", self.x);
        field("y", self.y);
    }
};

// The largest whole number whose square is not above `square`.
inline int64_t square_root(int64_t square) {
    auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(square)));
    while (root * root > square) --root;
    while ((root + 1) * (root + 1) <= square) ++root;
    return root;
}

// In mm, rounded down.
inline int64_t distance(const Position& a, const Position& b) {
    const int64_t x = b.x - a.x;
    const int64_t y = b.y - a.y;
    return square_root(x * x + y * y);
}

}  // namespace millrace::examples
