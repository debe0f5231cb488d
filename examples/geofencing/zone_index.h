// Which zones a point lies in, among many.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "positions.h"

namespace millrace::examples {

// The even-odd rule in whole numbers; the lower and left edges belong to the polygon.
bool contains(const std::vector<Point>& polygon, const Point& point);

// The zones as they are now, found by a grid of square cells: each cell has the zones whose bounds
// touch it. A value that does not change.
class ZoneIndex {
public:
    explicit ZoneIndex(const std::map<std::string, Zone>& zones);
    // In the order of their names.
    std::vector<std::string> zones_at(const Point& point) const;

private:
    static constexpr int64_t kCell = 10'000;  // about a kilometre

    struct Entry {
        std::string name;
        std::vector<Point> polygon;
    };
    std::vector<Entry> entries_;  // by name
    std::map<Point, std::vector<size_t>> cells_;
};

// Zones that are changed by one thread and looked up by others.
class Zones {
public:
    // Null: there is none of the name any more.
    void put(const std::string& name, const Zone* zone);
    // Made anew after a change.
    std::shared_ptr<const ZoneIndex> index();

private:
    std::mutex mutex_;
    std::map<std::string, Zone> zones_;
    std::shared_ptr<const ZoneIndex> index_;  // null: there was a change
};

}  // namespace millrace::examples
