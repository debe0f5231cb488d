#include "zone_index.h"

#include <algorithm>

namespace millrace::examples {
namespace {

int64_t rounded_down(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

}  // namespace

bool contains(const std::vector<Point>& polygon, const Point& point) {
    const auto [y, x] = point;
    bool inside = false;
    for (size_t i = 0; i < polygon.size(); ++i) {
        const auto [y1, x1] = polygon[i];
        const auto [y2, x2] = polygon[i > 0 ? i - 1 : polygon.size() - 1];
        if ((y1 > y) == (y2 > y)) continue;
        // Whether the edge crosses the point's latitude to the east of it, without division.
        const int64_t height = y2 - y1;
        const int64_t east = (x - x1) * height - (x2 - x1) * (y - y1);
        if (height > 0 ? east < 0 : east > 0) inside = !inside;
    }
    return inside;
}

ZoneIndex::ZoneIndex(const std::map<std::string, Zone>& zones) {
    for (const auto& [name, zone] : zones) {
        if (zone.polygon.empty()) continue;
        const auto [south, north] =
            std::ranges::minmax(zone.polygon, {}, [](const Point& p) { return p[0]; });
        const auto [west, east] =
            std::ranges::minmax(zone.polygon, {}, [](const Point& p) { return p[1]; });
        for (int64_t y = rounded_down(south[0], kCell); y <= rounded_down(north[0], kCell); ++y)
            for (int64_t x = rounded_down(west[1], kCell); x <= rounded_down(east[1], kCell); ++x)
                cells_[{y, x}].push_back(entries_.size());
        entries_.push_back({name, zone.polygon});
    }
}

std::vector<std::string> ZoneIndex::zones_at(const Point& point) const {
    std::vector<std::string> names;
    const auto cell = cells_.find({rounded_down(point[0], kCell), rounded_down(point[1], kCell)});
    if (cell == cells_.end()) return names;
    for (const size_t i : cell->second)
        if (contains(entries_[i].polygon, point)) names.push_back(entries_[i].name);
    return names;
}

void Zones::put(const std::string& name, const Zone* zone) {
    const std::scoped_lock lock(mutex_);
    if (zone)
        zones_[name] = *zone;
    else
        zones_.erase(name);
    index_ = nullptr;
}

std::shared_ptr<const ZoneIndex> Zones::index() {
    const std::scoped_lock lock(mutex_);
    if (!index_) index_ = std::make_shared<const ZoneIndex>(zones_);
    return index_;
}

}  // namespace millrace::examples
